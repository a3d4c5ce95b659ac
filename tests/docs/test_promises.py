"""docs/promises.md names an existing test for every promise."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ROWS = [
    f"{area}{number}"
    for area, last in (("P", 11), ("A", 10), ("I", 5), ("M", 7), ("R", 5), ("C", 11), ("O", 4))
    for number in range(1, last + 1)
]
LISTED = dict(re.findall(r"^\| (\w+) \|.*\| `([^`]+)` \|$", (ROOT / "docs" / "promises.md").read_text(), re.MULTILINE))


def test_every_promise_is_listed() -> None:
    assert list(LISTED) == ROWS


@pytest.mark.parametrize("row", LISTED)
def test_promise_is_covered_by_a_test_with_its_mark(row: str) -> None:
    file, _, name = LISTED[row].partition("::")
    functions = {
        node.name: node
        for node in ast.walk(ast.parse((ROOT / "tests" / file).read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    marks = [ast.unparse(decorator) for decorator in functions[name].decorator_list]
    assert any(mark.startswith("pytest.mark.promise(") and f"'{row}'" in mark for mark in marks)
