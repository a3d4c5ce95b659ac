"""Tags and mentions in a caption.

A tag is a hashtag identifier according to Unicode Standard Annex 31, section 6: a sign (#, ﹟ or ＃) that does not
follow a character of an identifier, then letters, marks, numbers and underscores with at least one letter. Zero width
joiners count only where they change how the text is displayed (section 2.3); elsewhere they would create two tags that
look the same.

A mention is @ and a handle. The characters around it must not be part of the same word or e-mail address. Scripts
without upper and lower case (Japanese, Thai, Arabic, ...) may touch it, because they are often written without spaces.
twitter-text does the same (github.com/twitter/twitter-text, `validMentionPrecedingChars` and `endMentionMatch`).

Tags and mentions inside a URL do not count. Offsets and lengths are in code points and include the sign. Texts are in
NFC.
"""

import re
import unicodedata
from dataclasses import dataclass

from apps.accounts import handles

MAX_TAG_LENGTH = 100
_URL = re.compile(r"https?://\S+", re.IGNORECASE)
_SIGN = re.compile("[#﹟＃]")
_NO_TAG_AFTER = frozenset("#﹟＃/&")
_MENTION = re.compile(r"@([A-Za-z0-9_]++(?:\.[A-Za-z0-9_]++)*+)")
_NO_MENTION_AFTER = frozenset("@#/&+-")
_JOINERS = frozenset("\u200c\u200d")
_VIRAMA = 9  # its canonical combining class


@dataclass(frozen=True)
class Mentioned:
    """A handle in lower case, with its position in the text."""

    handle: str
    offset: int
    length: int


@dataclass(frozen=True)
class ParsedCaption:
    """The tags and mentions of a caption."""

    tags: list[str]
    mentions: list[Mentioned]


def parse(caption: str) -> ParsedCaption:
    return ParsedCaption(tags_in(caption), mentions_in(caption))


# Tags
def tags_in(text: str) -> list[str]:
    """The distinct tags of `text`, in NFC and lower case, without the sign, in the order of their first use."""
    prose = _without_urls(text)
    starts = (sign.end() for sign in _SIGN.finditer(prose) if _may_start_tag(prose, sign.start()))
    tags = (normalise_tag(prose[start : _end_of_identifier(prose, start)]) for start in starts)
    return list(dict.fromkeys(tag for tag in tags if tag))


def normalise_tag(identifier: str) -> str | None:
    """The tag as it is stored, or None if `identifier` is not a tag."""
    tag = unicodedata.normalize("NFC", identifier.lower())
    well_formed = len(tag) <= MAX_TAG_LENGTH and _end_of_identifier(tag, 0) == len(tag)
    return tag if well_formed and any(unicodedata.category(c)[0] == "L" for c in tag) else None


def _may_start_tag(text: str, at: int) -> bool:
    return at == 0 or not (text[at - 1] in _NO_TAG_AFTER or _continues(text[at - 1]))


def _end_of_identifier(text: str, at: int) -> int:
    while at < len(text) and (_continues(text[at]) or _joins(text, at)):
        at += 1
    return at


def _continues(character: str) -> bool:
    return character == "_" or unicodedata.category(character)[0] in "LMN"


def _joins(text: str, at: int) -> bool:
    """A zero width joiner after a virama, or one between two Arabic letters."""
    if text[at] not in _JOINERS or not 0 < at < len(text) - 1:
        return False
    before, after = text[at - 1], text[at + 1]
    between_arabic = unicodedata.bidirectional(before) == unicodedata.bidirectional(after) == "AL"
    return unicodedata.combining(before) == _VIRAMA or between_arabic


# Mentions
def mentions_in(text: str) -> list[Mentioned]:
    """Every mention of a well-formed handle, in order. The account need not exist."""
    prose = _without_urls(text)
    return [
        Mentioned(match[1].lower(), match.start(), len(match[0]))
        for match in _MENTION.finditer(prose)
        if handles.MIN_LENGTH <= len(match[1]) <= handles.MAX_LENGTH and _stands_alone(prose, match)
    ]


def _stands_alone(text: str, mention: re.Match[str]) -> bool:
    before, after = text[: mention.start()][-1:], text[mention.end() : mention.end() + 2]
    runs_on = after[:1] == "@" or _spells(after[:1]) or (after[:1] == "." and _spells(after[1:]))
    return not (before in _NO_MENTION_AFTER or _spells(before) or runs_on)


def _spells(character: str) -> bool:
    """Whether the character would form one word with a handle next to it."""
    if not character:
        return False
    cased = character.lower() != character.upper()
    return character == "_" or cased or unicodedata.category(character)[0] in "MN"


def _without_urls(text: str) -> str:
    """Replace URLs by blanks, so that everything else keeps its offset."""
    return _URL.sub(lambda url: " " * len(url[0]), text)
