"""docs/errors.md lists every error code of the API with its status."""

import re
from pathlib import Path

from tests.api.openapi import OPERATIONS

ERRORS = Path(__file__).resolve().parents[2] / "docs" / "errors.md"


def test_error_table_matches_the_openapi_document() -> None:
    declared = {
        (status, code)
        for operation in OPERATIONS.values()
        for status, codes in operation.error_codes().items()
        for code in codes
    }
    documented = set(re.findall(r"^\| `(\d{3})` \| `(\w+)` \|", ERRORS.read_text(), re.MULTILINE))
    assert documented - ANYWHERE == declared - ANYWHERE
    assert documented >= ANYWHERE


# Errors that are not specific to an operation.
ANYWHERE = {("404", "not_found"), ("405", "method_not_allowed"), ("500", "internal_error"), ("400", "invalid_host")}
