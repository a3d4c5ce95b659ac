"""CSV cells that a spreadsheet program would run."""

import pytest

from apps.core.spreadsheets import escape_row


@pytest.mark.promise("I1")
@pytest.mark.parametrize(
    "text",
    [
        *("=1+1", "+1", "-1", "@SUM(A1)", "＝1+1", "＋1", "－1", "＠SUM", "﹦1", "=cmd|' /C calc'!A0"),
        *("\t=1", "\r=1", "\n=1", "\n", "\tx", "\rx", " \n+1", "\x00=1"),
        *(" =1+1", "  ＝1", "\u00a0=1", "\u3000＝1", "\u200b=1", "\ufeff=1"),
        *("\u3164=1", "\u115f=1", "\u2800=1", "\ufe0f=1", "\u034f=1", "\u22121", "⁻1"),
    ],
)
def test_text_like_a_formula_is_escaped(text):
    assert escape_row([text]) == [f"'{text}"]


@pytest.mark.parametrize("cell", ["", "Sells watches = spam", " x", "a\n=1", "1-2", "#1", "'=1", -5, 0, 1.5])
def test_other_cells_are_unchanged(cell):
    assert escape_row([cell]) == [cell]


def test_other_objects_are_escaped_as_text():
    assert escape_row([None, ValueError("=1")]) == ["None", "'=1"]
