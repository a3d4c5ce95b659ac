"""The words of a text: one rule for the public search, the search of the moderators, and blocked words.

A word is a run of letters, digits and combining marks. In scripts that are written without spaces (Chinese, Japanese,
Thai, Lao, Khmer, Burmese, ...) every character with its marks is a word of its own. All functions are pure.
"""

import re
import unicodedata
from collections.abc import Iterator
from urllib.parse import unquote

from apps.core.text import IGNORABLE

# Longer words are cut, in texts and in queries, because an entry of an index has a limited size.
MAX_LENGTH = 64
_IGNORABLE = re.compile(f"[{IGNORABLE}]")
# The empty Braille pattern looks like a space.
_SPACE = re.compile(r"[\s\u2800]+")
# NFKC replaces these symbols by letters and digits, which are no part of the word beside them.
_SYMBOL = re.compile("[№℠℡™ℹ℻①-⒛⓪-⓿❶-➓]")
_URL = re.compile(r"https?://\S+", re.ASCII | re.IGNORECASE)
_UNSPACED_RANGES = (
    r"\u0e00-\u0eff"  # Thai, Lao
    r"\u1000-\u109f\ua9e0-\ua9ff\uaa60-\uaa7f"  # Burmese
    r"\u1780-\u17ff"  # Khmer
    r"\u1950-\u19df\u1a20-\u1aaf"  # Tai
    r"\u1b00-\u1b7f\ua980-\ua9df"  # Balinese, Javanese
    r"\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\U0001b000-\U0001b16f"  # kana
    r"\u3100-\u312f\u31a0-\u31bf\ua000-\ua4cf"  # Bopomofo, Yi
    r"\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00017000-\U00018dff\U00020000-\U0003ffff"  # Han, Tangut
)
_UNSPACED = re.compile(f"[{_UNSPACED_RANGES}]")
_IN_WORDS = frozenset({"Lu", "Ll", "Lt", "Lm", "Lo", "Nd", "Nl", "No", "Mn", "Mc"})
# Letters that Unicode does not decompose, although many people type them without the stroke or as two letters; and
# letters that look like an apostrophe and separate words as an apostrophe does.
_PLAIN_LETTERS = str.maketrans(
    {"ø": "o", "ł": "l", "đ": "d", "ð": "d", "ħ": "h", "ŧ": "t", "ı": "i", "ŋ": "n", "ĸ": "k"}
    # The tatweel only makes an Arabic word wider.
    | {"æ": "ae", "œ": "oe", "þ": "th", "ـ": "", "_": " ", "ʹ": " ", "ʻ": " ", "ʼ": " ", "ʽ": " ", "ʾ": " ", "ʿ": " "}
)


def comparable(text: str) -> str:
    """The form in which texts are compared: NFKC, no invisible characters, casefolded, white space as one space."""
    visible = "".join(c for c in unicodedata.normalize("NFKC", text) if unicodedata.category(c) != "Cf")
    folded = unicodedata.normalize("NFKC", _IGNORABLE.sub("", visible).casefold())
    return _SPACE.sub(" ", folded).strip()


def searchable(text: str) -> str:
    """The form in which the search compares texts: as `comparable`, no accents, the digits of all scripts as 0 to 9,
    and URLs as people read them, without percent-encoding."""
    readable = _URL.sub(lambda url: unquote(url[0]), text) if "%" in text else text
    plain = comparable(_SYMBOL.sub(r" \g<0> ", readable))
    if not plain.isascii():
        bare = "".join(_plain_digit(c) for c in unicodedata.normalize("NFKD", plain) if not _is_accent(c))
        plain = unicodedata.normalize("NFC", bare)
    return plain.translate(_PLAIN_LETTERS)


def words(text: str) -> list[str]:
    """The words under which the search finds the text, each once.

    For unspaced scripts these are the single characters and all pairs of neighbours, so that a word is found within a
    sentence without a dictionary.
    """
    return _distinct(entry for run in _runs(searchable(text)) for size in (1, 2) for entry in _joined_by(run, size))


def words_to_find(query: str) -> list[str]:
    """The words that a text must have, all of them, to be found by the query. It is empty if the query has no word."""
    return _distinct(entry for run in _runs(searchable(query)) for entry in _joined_by(run, min(len(run), 2)))


def are_joined(before: str, after: str) -> bool:
    """Whether two neighbours belong to one word; "" is the start or the end of the text."""
    if not (is_word_character(before) and is_word_character(after)):
        return False
    # In every script, a combining mark belongs to the letter before it.
    return unicodedata.category(after)[0] == "M" or not (_UNSPACED.match(before) or _UNSPACED.match(after))


def is_word_character(character: str) -> bool:
    """Letters, numbers and marks, but not marks that make an emoji of a character, as the keycap does. An underscore is
    part of a word here; `searchable` has replaced it by a space."""
    return bool(character) and (character == "_" or unicodedata.category(character) in _IN_WORDS)


def _is_accent(character: str) -> bool:
    """Accents of Latin, Greek and Cyrillic letters, Hebrew points and Arabic vowel signs, by their canonical combining
    class. Marks that make another letter (dakuten, nukta, virama) and vowels of Indic scripts have other classes."""
    position = unicodedata.combining(character)
    return position == 1 or 10 <= position <= 36 or position >= 200


def _plain_digit(character: str) -> str:
    return character if character.isascii() else str(unicodedata.decimal(character, character))


def _runs(plain: str) -> Iterator[list[str]]:
    """The words of the text as runs: a word of a spaced script by itself, neighbours of unspaced scripts together."""
    spaced = "".join(c if is_word_character(c) else " " for c in plain)
    for piece in spaced.split():
        run: list[str] = []
        for word in _split(piece):
            if _UNSPACED.match(word):
                run.append(word)
                continue
            yield from ([run] if run else [])
            yield [word]
            run = []
        yield from ([run] if run else [])


def _split(piece: str) -> Iterator[str]:
    """The words of a text that has only word characters. Marks without a letter are left out."""
    while piece and unicodedata.category(piece[0])[0] == "M":
        piece = piece[1:]
    if not _UNSPACED.search(piece):
        yield from ([piece] if piece else [])
        return
    start = 0
    for at in range(1, len(piece) + 1):
        if not are_joined(piece[at - 1], piece[at : at + 1]):
            yield piece[start:at]
            start = at


def _joined_by(run: list[str], size: int) -> Iterator[str]:
    """Every `size` neighbours of the run as one entry of the index."""
    for at in range(len(run) - size + 1):
        yield "".join(run[at : at + size])[:MAX_LENGTH]


def _distinct(entries: Iterator[str]) -> list[str]:
    return list(dict.fromkeys(entries))
