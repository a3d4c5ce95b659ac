"""Blocked words and domains, looked for in what people write. Pure: no rows, no Django.

Text and terms are compared in one form: NFKC, without what is not seen (zero-width characters, soft hyphens, variation
selectors), casefolded, white space as one blank. A word counts where it stands by itself, not inside another; in
scripts that are written without spaces (Chinese, Japanese, Thai, ...) it counts wherever it stands. A domain counts
with all its subdomains, in URLs and by itself, however it is spelled: in Unicode, in Punycode, percent-encoded.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from urllib.parse import unquote
from uuid import UUID

# Unicode's Default_Ignorable_Code_Point, as far as it is not of category Cf.
_UNSEEN = re.compile("[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]")
_SPACE = re.compile(r"\s+")
# Thai, Lao, Myanmar, Khmer; kana; Han with its extensions.
_UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\U00020000-\U0003ffff]"
)
# IDNA takes these for the dot, too (RFC 3490, section 3.1); NFKC has made two of the four equal by then.
_DOTS = re.compile("[\u3002\uff61]")
# A name of 255 octets has no more (RFC 1035, section 2.3.4).
MAX_LABELS = 127
# What a host can be made of, in Unicode and in ASCII alone: text without spaces may touch the latter.
_HOSTS = (re.compile(r"""[^\s/\\:@?#\[\]<>()"'`,;!&=|*+{}]+"""), re.compile(r"[a-z0-9.-]+"))


@dataclass(frozen=True)
class Term:
    """A word or a domain, in the form in which texts are compared."""

    id: UUID
    text: str
    is_domain: bool
    refused: bool


@dataclass(frozen=True)
class Terms:
    """All that are in force."""

    words: tuple[Term, ...]
    domains: dict[str, Term]

    @classmethod
    def of(cls, terms: Iterable[Term]) -> "Terms":
        every = list(terms)
        return cls(tuple(t for t in every if not t.is_domain), {t.text: t for t in every if t.is_domain})

    def found_in(self, text: str) -> list[Term]:
        """Each term that `text` contains, once."""
        if not text or not (self.words or self.domains):
            return []
        plain = comparable(text)
        found = [term for term in self.words if _stands_in(plain, term.text)]
        if self.domains and "." in _DOTS.sub(".", unquote(plain)):
            found += dict.fromkeys(term for host in _hosts(plain) if (term := self._domain_of(host)))
        return found

    def _domain_of(self, host: str) -> Term | None:
        labels = host.split(".")[-MAX_LABELS:]
        return next((t for n in range(len(labels)) if (t := self.domains.get(".".join(labels[n:])))), None)


def comparable(text: str) -> str:
    """The form in which texts and terms are compared."""
    text = "".join(c for c in unicodedata.normalize("NFKC", text) if unicodedata.category(c) != "Cf")
    folded = unicodedata.normalize("NFKC", _UNSEEN.sub("", text).casefold())
    return _SPACE.sub(" ", folded).strip()


def comparable_domain(text: str) -> str | None:
    """A domain in that form, or None for what is none. A URL, a leading "*." and a final dot are taken for meant."""
    plain = _DOTS.sub(".", comparable(text))
    host = re.sub(r"^[a-z][a-z0-9+.-]*://", "", plain)
    host = re.split(r"[/?#:]", host)[0].removeprefix("*.").strip(".")
    labels = host.split(".")
    if len(labels) < 2 or not all(labels) or not all(re.fullmatch(r"[\w-]+", _ascii(label)) for label in labels):
        return None
    return ".".join(_ascii(label) for label in labels)


def _hosts(plain: str) -> Iterator[str]:
    for spelled in dict.fromkeys((plain, comparable(unquote(plain)))):
        dotted = _DOTS.sub(".", spelled)
        for hosts in _HOSTS:
            for match in hosts.finditer(dotted):
                if "." in match[0]:
                    yield ".".join(_ascii(label) for label in match[0].strip(".").split("."))


def _ascii(label: str) -> str:
    """The label in Punycode; as it is, where that cannot be."""
    if label.isascii():
        return label
    try:
        return label.encode("idna").decode().lower()
    except UnicodeError:
        return label


def _stands_in(text: str, word: str) -> bool:
    at = text.find(word)
    while at >= 0:
        end = at + len(word)
        if not (_joined(text[at - 1 : at], word[0]) or _joined(word[-1], text[end : end + 1])):
            return True
        at = text.find(word, at + 1)
    return False


def _joined(before: str, after: str) -> bool:
    """Whether the two characters are of one word; "" is where the text ends."""
    if not (_spells(before) and _spells(after)):
        return False
    # A mark belongs to the letter before it, in every script.
    return unicodedata.category(after)[0] == "M" or not (_UNSPACED.match(before) or _UNSPACED.match(after))


def _spells(character: str) -> bool:
    return bool(character) and (character == "_" or unicodedata.category(character)[0] in "LMN")
