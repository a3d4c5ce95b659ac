"""What people type: one rule for every text that is stored.

Text is kept as typed but for NFC (Unicode Standard Annex 15) and line ends; what cannot be stored or would deceive
a reader (control characters, lone surrogates, bidirectional overrides, Unicode Technical Report 36) is refused.
Lengths are counted in code points after NFC.
"""

import re
import unicodedata

_FORBIDDEN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]")
# Unicode's property Default_Ignorable_Code_Point: fonts display nothing for these. The content of a character class.
IGNORABLE = (
    r"\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f"
    r"\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
# Besides these and white space: interlinear annotations, the empty Braille pattern, the Khitan filler, a null notehead.
_BLANK = re.compile(rf"[\s\x00-\x1f\x7f-\x9f{IGNORABLE}\ufff9-\ufffb\u2800\U00016fe4\U0001d159]*")


# Celery names its workers like e-mail addresses.
EMAIL = re.compile(r"(?<![\w.+%-])(?!(?:celery|worker|media)@)[\w.+%-]{1,64}@[\w-]+(?:\.[\w-]+)+")
_LINE_BREAK = re.compile(r"[\t\n\v\f\r\x1c-\x1e\x85\u2028\u2029]")


class ForbiddenCharacters(ValueError):
    """The text holds a character that is never stored."""


def clean(typed: str) -> str:
    """`typed` in NFC with Unix line ends. Raises ForbiddenCharacters."""
    text = unicodedata.normalize("NFC", typed.replace("\r\n", "\n"))
    if has_forbidden(text):
        raise ForbiddenCharacters
    return text


def breaks_line(text: str) -> bool:
    """Whether the text has a tab, or a character that a reader or a mail program shows as the end of a line."""
    return _LINE_BREAK.search(text) is not None


def has_forbidden(text: str) -> bool:
    """Whether the text, with Unix line ends, has a character that is never stored."""
    return _FORBIDDEN.search(text) is not None


def hide_emails(text: str) -> str:
    """The text with `[email]` for each e-mail address, for messages of mail servers that are stored or shown."""
    return EMAIL.sub("[email]", text)


def is_blank(text: str) -> bool:
    """Whether a reader sees nothing of the text: it is empty, or has only white space and invisible characters."""
    return _BLANK.fullmatch(text) is not None
