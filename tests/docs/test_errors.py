"""docs/errors.md lists every error code of the API with its status."""

import re
from pathlib import Path
from typing import Any

from drf_spectacular.generators import SchemaGenerator

ERRORS = Path(__file__).resolve().parents[2] / "docs" / "errors.md"


def _codes_by_status(document: dict[str, Any]) -> set[tuple[str, str]]:
    found = set()
    for path in document["paths"].values():
        for operation in path.values():
            for status, response in operation["responses"].items():
                problem = response.get("content", {}).get("application/problem+json", {})
                found |= {(status, code) for code in problem.get("examples", {})}
    return found


def test_error_table_matches_the_openapi_document() -> None:
    declared = _codes_by_status(SchemaGenerator().get_schema(request=None, public=True))
    documented = set(re.findall(r"^\| `(\d{3})` \| `(\w+)` \|", ERRORS.read_text(), re.MULTILINE))
    assert documented - ANYWHERE == declared - ANYWHERE
    assert documented >= ANYWHERE


# Errors that are not specific to an operation.
ANYWHERE = {("404", "not_found"), ("405", "method_not_allowed"), ("500", "internal_error"), ("400", "invalid_host")}
