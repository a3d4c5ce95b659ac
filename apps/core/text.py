"""What people type: one rule for every text that is stored.

Text is kept as typed but for NFC (Unicode Standard Annex 15) and line ends; what cannot be stored or would deceive
a reader (control characters, lone surrogates, bidirectional overrides, Unicode Technical Report 36) is refused.
Lengths are counted in code points after NFC.
"""

import re
import unicodedata

_FORBIDDEN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]")


_LINE_BREAK = re.compile(r"[\t\n\v\f\r\x1c-\x1e\x85\u2028\u2029]")


class ForbiddenCharacters(ValueError):
    """The text holds a character that is never stored."""


def clean(typed: str) -> str:
    """`typed` in NFC with Unix line ends. Raises ForbiddenCharacters."""
    text = unicodedata.normalize("NFC", typed.replace("\r\n", "\n"))
    if _FORBIDDEN.search(text):
        raise ForbiddenCharacters
    return text


def breaks_line(text: str) -> bool:
    """Whether the text has a tab, or a character that a reader or a mail program shows as the end of a line."""
    return bool(_LINE_BREAK.search(text))
