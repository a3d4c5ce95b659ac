"""CSV for spreadsheet programs, which run what looks like a formula (OWASP, "CSV Injection")."""

import unicodedata
from collections.abc import Iterable

from apps.core.text import is_blank

# The last one is the mathematical minus sign.
_FORMULA_PREFIXES = ("=", "+", "-", "@", "\u2212")


def escape_formula(cell: object) -> str | int | float:
    """A number as it is; everything else as text, with a ' in front of what a program may take for a formula.

    Programs skip white space, control and invisible characters in front of a formula, and accept full-width signs.
    """
    if isinstance(cell, int | float):
        return cell
    text = str(cell)
    first = next((char for char in unicodedata.normalize("NFKC", text) if not _is_skipped(char)), "")
    starts_with_control = unicodedata.category(text[:1] or "x") == "Cc"
    return f"'{text}" if starts_with_control or first in _FORMULA_PREFIXES else text


def escape_row(cells: Iterable[object]) -> list[str | int | float]:
    return [escape_formula(cell) for cell in cells]


def _is_skipped(char: str) -> bool:
    """Whether it is white space, a control character or invisible."""
    return is_blank(char) or unicodedata.category(char) == "Cf"
