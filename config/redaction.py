"""Removes private data from log lines, error reports and traces (promise O4).

Two rules are needed. By name: the values that our own code logs. By pattern: texts that libraries build (exceptions,
URLs, messages).
"""

import ipaddress
import re
from functools import lru_cache
from itertools import islice
from types import NoneType
from typing import Any

from apps.core.text import EMAIL

REDACTED = "[redacted]"
MAX_TEXT_LENGTH = 4_000
MAX_ITEMS = 50
MAX_DEPTH = 12
_CONTAINERS_AND_TEXTS = (str, bytes, list, tuple, dict)
_SIMPLE_TYPES = (bool, int, float, NoneType)
# A name is secret when one of its words is.
_SECRET_WORDS = {
    "authorization",
    "bio",
    "caption",
    "captions",
    "cookie",
    "cookies",
    "email",
    "emails",
    "mail",
    "passphrase",
    "passwd",
    "password",
    "secret",
    "token",
    "tokens",
}
_WORDS = re.compile(r"[^a-z]+")
# (a quick substring test, the pattern, the replacement). No pattern can start at two neighbouring characters, so that
# matching takes linear time.
_PATTERNS: list[tuple[str, re.Pattern[str], str]] = [
    # PostgreSQL quotes the row that it refused, and the values of a key, in its messages.
    ("failing row", re.compile(r"(Failing row contains )\(.*", re.DOTALL), rf"\1({REDACTED})"),
    ("key (", re.compile(r"(Key \([^)]*\)=)\(.*?\)(?= (?:already|is|conflicts))", re.DOTALL), rf"\1({REDACTED})"),
    # user:password@ of a URL.
    ("://", re.compile(r"(?<=://)[^/\s@]{1,300}@"), f"{REDACTED}@"),
    # The query of a signed URL, or of one with a token in it.
    (
        "?",
        re.compile(r"\?[^\s\"'<>?]*(?:X-Amz-|Signature=|token=)[^\s\"'<>]*", re.IGNORECASE),
        f"?{REDACTED}",
    ),
    ("x-amz-", re.compile(r"\b(X-Amz-[A-Za-z-]{1,40}=)[^\s&\"'<>]+", re.IGNORECASE), rf"\1{REDACTED}"),
    ("bearer", re.compile(r"\b(Bearer)\s+[\w.~+/=-]+", re.IGNORECASE), rf"\1 {REDACTED}"),
    ("basic", re.compile(r"\b(Basic)\s+[\w.~+/=-]{8,}", re.IGNORECASE), rf"\1 {REDACTED}"),
    # Access tokens, and refresh tokens.
    ("eyj", re.compile(r"\beyJ[\w-]+\.[\w-]+\.[\w-]*"), REDACTED),
    (".", re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\.\d+\.[\w-]{16,}"), REDACTED),
    *(
        (
            word,
            re.compile(
                rf"({word}[\"']?\s{{0,5}}[:=]\s{{0,5}})(?:\"[^\"]*\"|'[^']*'|[^\s,;&}})\"']+)",
                re.IGNORECASE,
            ),
            rf"\1{REDACTED}",
        )
        for word in ("password", "passwd", "secret", "token", "caption")
    ),
    ("@", EMAIL, "[email]"),
]
# Ids, methods, routes, logger names and timestamps, which no pattern matches. They are most of the values.
_NOTHING_PRIVATE = re.compile(
    r"[\w/-]*(?:<(?:str|uuid):\w+>[\w/-]*)*|[a-z_]+(?:\.[a-z_]+)*|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z"
)
_ADDRESS = re.compile(
    r"(?<![\w.:])(?:\d{1,3}(?:\.\d{1,3}){3}|[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,7}(?:(?:\.\d{1,3}){3})?)(?![.]?\w)"
)


def redact(value: Any, *, full_addresses: bool = False) -> Any:
    """Return `value` as bounded JSON data without private data. `full_addresses`: do not shorten IP addresses."""
    return _redact(value, 0, full_addresses=full_addresses)


@lru_cache(maxsize=1000)
def is_secret(name: str) -> bool:
    """Whether a field of that name is redacted. Cached: log lines use few names."""
    return not _SECRET_WORDS.isdisjoint(_WORDS.split(name.lower()))


def redact_text(text: str, *, full_addresses: bool = False) -> str:
    if len(text) > MAX_TEXT_LENGTH:
        text = f"{text[:MAX_TEXT_LENGTH]}… ({len(text)} characters)"
    if _NOTHING_PRIVATE.fullmatch(text):
        return text
    lowered = text.lower()
    for substring, pattern, replacement in _PATTERNS:
        if substring in lowered:
            text = pattern.sub(replacement, text)
    if full_addresses or (text.count(":") < 2 and text.count(".") < 3):
        return text
    return _ADDRESS.sub(_network, text)


def _redact(value: Any, depth: int, *, full_addresses: bool) -> Any:
    if isinstance(value, _SIMPLE_TYPES):
        return value
    if isinstance(value, str):
        return redact_text(value, full_addresses=full_addresses)
    if depth > MAX_DEPTH:
        return "…"
    if isinstance(value, dict):
        return {
            (label := str(name)): REDACTED
            if isinstance(inner, _CONTAINERS_AND_TEXTS) and is_secret(label)
            else _redact(inner, depth + 1, full_addresses=full_addresses)
            for name, inner in islice(value.items(), MAX_ITEMS)
        }
    if isinstance(value, list | tuple | set | frozenset):
        return [_redact(inner, depth + 1, full_addresses=full_addresses) for inner in list(value)[:MAX_ITEMS]]
    return redact_text(str(value), full_addresses=full_addresses)


def _network(found: re.Match[str]) -> str:
    """The /24 or /48 network of an address: enough to recognise an attack, too little to identify a person. Loopback
    addresses are not shortened."""
    try:
        address = ipaddress.ip_address(found[0])
    except ValueError:
        return found[0]
    if isinstance(address, ipaddress.IPv6Address):
        address = address.ipv4_mapped or address
    if address.is_loopback or address.is_unspecified:
        return found[0]
    return str(ipaddress.ip_network((address, 24 if address.version == 4 else 48), strict=False))
