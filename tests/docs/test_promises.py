"""docs/promises.md names for every promise a test that holds it, and the test is there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ROWS = [
    f"{area}{number}"
    for area, last in (("P", 11), ("A", 10), ("I", 5), ("M", 7), ("R", 5), ("C", 11), ("O", 4))
    for number in range(1, last + 1)
]
TOLD = dict(re.findall(r"^\| (\w+) \|.*\| `([^`]+)` \|$", (ROOT / "docs" / "promises.md").read_text(), re.MULTILINE))


def test_every_row_has_a_line() -> None:
    assert list(TOLD) == ROWS


@pytest.mark.parametrize("row", TOLD)
def test_a_row_is_held_by_a_test_that_bears_its_name(row: str) -> None:
    file, _, name = TOLD[row].partition("::")
    rows = re.match(r"test_((?:[paimrco]\d+_)+)", name)
    assert rows
    assert row.lower() in rows[1].split("_")
    assert re.search(rf"^\s*(async )?def {name}\(", (ROOT / "tests" / file).read_text(), re.MULTILINE)
