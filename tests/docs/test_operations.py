"""docs/operations.md lists exactly the environment variables that are read."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
INTERNAL = {"PYTEST_XDIST_WORKER"}


def test_settings_table_matches_the_variables_that_are_read() -> None:
    files = [*ROOT.glob("config/*.py"), *ROOT.glob("apps/core/ops/*.py")]
    code = "".join(file.read_text() for file in files)
    read = set(re.findall(r"""\benv(?:\.\w+|iron\.get)\(\s*["']([A-Z0-9_]+)["']""", code))
    documented = re.findall(r"^\| `([A-Z0-9_]+)` \|", (ROOT / "docs" / "operations.md").read_text(), re.MULTILINE)
    assert sorted(documented) == sorted(read - INTERNAL)
