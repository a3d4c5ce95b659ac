"""Tags and mentions in a caption.

A tag is a hashtag identifier according to Unicode Standard Annex 31, section 6: a sign (#, ﹟ or ＃) that does not
follow a character of an identifier, then letters, marks, numbers and underscores with at least one letter. It does not
begin with a mark, because that would belong to the sign: the keycap emoji is such a sign. Variation selectors and other
invisible characters within a tag are left out, because they would create two tags that look the same. Zero width
joiners count where they change how the text is displayed (section 2.3), and end the tag elsewhere.

A mention is @ and a handle. The characters around it must not be part of the same word or e-mail address. Scripts
without upper and lower case (Japanese, Thai, Arabic, ...) may touch it, because they are often written without spaces.
twitter-text does the same (github.com/twitter/twitter-text, `validMentionPrecedingChars` and `endMentionMatch`).

Tags and mentions inside a URL do not count. A URL ends before a space, a quotation mark, an angle bracket, a bracket
that it has not opened, and punctuation outside ASCII, such as a Chinese full stop or a full-width sign. Offsets and
lengths are in code points and include the sign. Texts are in NFC.
"""

import re
import unicodedata
from dataclasses import dataclass

from apps.accounts import handles
from apps.core.text import IGNORABLE, is_blank

MAX_TAG_LENGTH = 100
SIGNS = ("#", "﹟", "＃")
_SCHEME = re.compile(r"https?://", re.IGNORECASE)
_CLOSING = {")": "(", "]": "[", "}": "{"}
_NO_URL_WITH = frozenset({"Ps", "Pe", "Pi", "Pf", "Po"})
# They are punctuation, but occur within names, also in the addresses of encyclopedias.
_MIDDLE_DOTS = frozenset("·・")
_WAVE_DASHES = frozenset("〜〰")
# The emoji "information", which Unicode counts among the letters.
_INFORMATION = "ℹ"
_SIGN = re.compile(f"[{''.join(SIGNS)}]")
_NO_TAG_AFTER = frozenset((*SIGNS, "/", "&"))
_MENTION = re.compile(r"@([A-Za-z0-9_]+(?:\.[A-Za-z0-9_]+)*)")
_NO_MENTION_AFTER = frozenset("@#/&+-")
_JOINERS = frozenset("\u200c\u200d")
_VIRAMA = 9  # its canonical combining class
_IGNORABLE = re.compile(f"[{IGNORABLE}]")
# Soft hyphen, combining grapheme joiner, Mongolian and other variation selectors, word joiner, byte order mark.
_INVISIBLE_INSIDE = re.compile("[\u00ad\u034f\u180b-\u180d\u180f\u2060\ufe00-\ufe0f\ufeff\U000e0100-\U000e01ef]")


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
    return list(dict.fromkeys(tag for tag, _, _ in tag_positions(text)))


def tag_positions(text: str) -> list[tuple[str, int, int]]:
    """Every tag of `text` as (tag, offset, length)."""
    if not _SIGN.search(text):
        return []
    # Invisible characters are left out; `places` are the positions of the others.
    visible = [(at, char) for at, char in enumerate(_without_urls(text)) if not _INVISIBLE_INSIDE.match(char)]
    places, prose = [at for at, _ in visible], "".join(char for _, char in visible)
    found = []
    for sign in _SIGN.finditer(prose):
        if _may_start_tag(prose, sign.start()):
            end = _end_of_identifier(prose, sign.end())
            if tag := normalise_tag(prose[sign.end() : end]):
                found.append((tag, places[sign.start()], places[end - 1] + 1 - places[sign.start()]))
    return found


def normalise_tag(identifier: str) -> str | None:
    """The tag as it is stored, or None if `identifier` is not a tag."""
    tag = unicodedata.normalize("NFC", _INVISIBLE_INSIDE.sub("", identifier).lower())
    if not tag or len(tag) > MAX_TAG_LENGTH or unicodedata.category(tag[0])[0] == "M":
        return None
    well_formed = _end_of_identifier(tag, 0) == len(tag)
    return tag if well_formed and any(unicodedata.category(c)[0] == "L" for c in tag) else None


def _may_start_tag(text: str, at: int) -> bool:
    before = _base_before(text, at)
    return not before or not (before in _NO_TAG_AFTER or _continues(before))


def _base_before(text: str, at: int) -> str:
    """The character before `at`, without the marks and variation selectors that belong to it; "" at the start. For an
    emoji of a digit or a sign it is the enclosing keycap."""
    while at and (unicodedata.category(text[at - 1]) in {"Mn", "Mc"} or _INVISIBLE_INSIDE.match(text[at - 1])):
        at -= 1
    return text[at - 1] if at else ""


def _end_of_identifier(text: str, at: int) -> int:
    while at < len(text) and (_continues(text[at]) or _joins(text, at)):
        at += 1
    return at


def _continues(character: str) -> bool:
    """Letters, numbers and the marks of letters. Unicode counts invisible fillers among the letters."""
    category = unicodedata.category(character)
    is_letter = category[0] in "LMN" and category != "Me" and character != _INFORMATION
    return character == "_" or (is_letter and not _IGNORABLE.match(character))


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
    before, after = _base_before(text, mention.start()), _visible_after(text, mention.end())
    runs_on = after[:1] == "@" or _spells(after[:1]) or (after[:1] == "." and _spells(after[1:]))
    return not (before in _NO_MENTION_AFTER or _spells(before) or runs_on)


def _visible_after(text: str, at: int) -> str:
    """The next two characters, without invisible ones that do not end a word."""
    return _INVISIBLE_INSIDE.sub("", text[at : at + 20])[:2]


def _spells(character: str) -> bool:
    """Whether the character would form one word with a handle next to it."""
    if not character:
        return False
    cased = character.lower() != character.upper()
    category = unicodedata.category(character)
    return character == "_" or cased or (category[0] in "MN" and category != "Me")


# URLs
def _without_urls(text: str) -> str:
    """Replace URLs by blanks, so that everything else keeps its offset."""
    prose, done = "", 0
    for scheme in _SCHEME.finditer(text):
        if scheme.start() >= done:
            end = _end_of_url(text, scheme.end())
            prose += text[done : scheme.start()] + " " * (end - scheme.start())
            done = end
    return prose + text[done:]


def _end_of_url(text: str, at: int) -> int:
    opened: list[str] = []
    while at < len(text) and not _ends_url(text[at]):
        if text[at] in "([{":
            opened.append(text[at])
        elif text[at] in _CLOSING and (not opened or opened.pop() != _CLOSING[text[at]]):
            break
        at += 1
    return at


def _ends_url(character: str) -> bool:
    if character.isascii():
        return character in '<>"`' or is_blank(character)
    category = unicodedata.category(character)
    is_fullwidth_sign = category[0] in "PS" and unicodedata.east_asian_width(character) == "F"
    punctuation = category in _NO_URL_WITH and character not in _MIDDLE_DOTS
    return punctuation or is_fullwidth_sign or character in _WAVE_DASHES or is_blank(character)
