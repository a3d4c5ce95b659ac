"""Finds blocked words and domains in text. Pure functions without Django.

Text and terms are compared in the form `comparable`, and `core/words.py` also says where a word begins and ends. A word
matches as a whole word; in scripts that are written without spaces (Chinese, Japanese, Thai, ...) it matches anywhere.
A domain matches with all its subdomains, in URLs and in plain text, in Unicode, in Punycode and percent-encoded.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from urllib.parse import unquote
from uuid import UUID

from apps.core.words import are_joined, comparable

# IDNA treats these as dots too (RFC 3490, section 3.1); NFKC has already replaced two of the four.
_DOTS = re.compile("[\u3002\uff61]")
# The most labels that a name of 255 octets can have (RFC 1035, section 2.3.4).
MAX_LABELS = 127
# The characters of a host in Unicode, and in ASCII alone: text without spaces may surround an ASCII host.
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
    """All blocked terms."""

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
        found = [term for term in self.words if _contains_word(plain, term.text)]
        if self.domains and "." in _DOTS.sub(".", unquote(plain)):
            found += dict.fromkeys(term for host in _hosts(plain) if (term := self._domain_of(host)))
        return found

    def _domain_of(self, host: str) -> Term | None:
        labels = host.split(".")[-MAX_LABELS:]
        return next((t for n in range(len(labels)) if (t := self.domains.get(".".join(labels[n:])))), None)


def comparable_domain(text: str) -> str | None:
    """A domain in that form, or None. Accepts a URL, a leading "*." and a final dot."""
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
    """The label in Punycode, or unchanged if it cannot be encoded."""
    if label.isascii():
        return label
    try:
        return label.encode("idna").decode().lower()
    except UnicodeError:
        return label


def _contains_word(text: str, word: str) -> bool:
    at = text.find(word)
    while at >= 0:
        end = at + len(word)
        if not (are_joined(text[at - 1 : at], word[0]) or are_joined(word[-1], text[end : end + 1])):
            return True
        at = text.find(word, at + 1)
    return False
