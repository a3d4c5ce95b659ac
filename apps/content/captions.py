"""Tags and mentions in a text.

A tag is `#` and an identifier of letters, marks, numbers and underscores with at least one letter, after Unicode
Standard Annex 31, section 6 (hashtag identifiers); the full-width ＃ counts. A mention is `@` and a handle. Neither
starts inside a word, a URL or an e-mail address. Offsets and lengths are in code points, sign included.
"""

import re
import unicodedata
from dataclasses import dataclass

MAX_TAG_LENGTH = 100
_MENTION = re.compile(r"(?<![\w.@/&#-])@([A-Za-z0-9_]+(?:\.[A-Za-z0-9_]+)*)(?![\w@])")
_HASHES = "#＃"
_JOINERS = "\u200c\u200d"


@dataclass(frozen=True)
class Mentioned:
    """A handle (lower case) and where it stands."""

    handle: str
    offset: int
    length: int


def tags_in(text: str) -> list[str]:
    """The distinct tags of `text`, in NFC and lower case, without #, in the order of their first use."""
    found: dict[str, None] = {}
    at = 0
    while at < len(text):
        if text[at] in _HASHES and not (at and (_continues(text[at - 1]) or text[at - 1] in "/&" + _HASHES)):
            end = at + 1
            while end < len(text) and _continues(text[end]):
                end += 1
            if tag := normalise_tag(text[at + 1 : end]):
                found[tag] = None
            at = end
        at += 1
    return list(found)


def normalise_tag(identifier: str) -> str | None:
    """The tag as it is stored, or None for what is no tag."""
    tag = unicodedata.normalize("NFC", identifier.lower())
    well_formed = 1 <= len(tag) <= MAX_TAG_LENGTH and all(map(_continues, tag))
    return tag if well_formed and any(unicodedata.category(c).startswith("L") for c in tag) else None


def _continues(character: str) -> bool:
    return character == "_" or character in _JOINERS or unicodedata.category(character)[0] in "LMN"


def mentions_in(text: str) -> list[Mentioned]:
    """Every mention of a well-formed handle, in order; whether there is such a person is another question."""
    return [
        Mentioned(match[1].lower(), match.start(), match.end() - match.start())
        for match in _MENTION.finditer(text)
        if 3 <= len(match[1]) <= 30
    ]
