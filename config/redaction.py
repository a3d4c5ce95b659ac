"""What never leaves a process in a log line, an error report or a trace (promise O4).

Two rules, since neither is enough alone: by name, for values that we hand over ourselves, and by shape, for texts that
others have put together (exceptions, URLs, messages of libraries).
"""

import ipaddress
import re
from functools import lru_cache
from itertools import islice
from types import NoneType
from typing import Any

GONE = "[redacted]"
LONGEST_TEXT = 4_000
MOST_ITEMS = 50
DEEPEST = 12
_TELLING = (str, bytes, list, tuple, dict)
_PLAIN = (bool, int, float, NoneType)
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
# (what a text must contain to be worth a look, what is looked for, what is told instead). Each starts where its first
# character cannot be preceded by itself, so that no text makes them slow.
_SHAPES: list[tuple[str, re.Pattern[str], str]] = [
    # The row that PostgreSQL would not take, and the values of a key, in its messages.
    ("failing row", re.compile(r"(Failing row contains )\(.*", re.DOTALL), rf"\1({GONE})"),
    ("key (", re.compile(r"(Key \([^)]*\)=)\(.*?\)(?= (?:already|is|conflicts))", re.DOTALL), rf"\1({GONE})"),
    # user:password@ of a URL.
    ("://", re.compile(r"(?<=://)[^/\s@]{1,300}@"), f"{GONE}@"),
    # The query of a signed URL, or of one with a token in it.
    (
        "?",
        re.compile(r"\?[^\s\"'<>?]*(?:X-Amz-|Signature=|token=)[^\s\"'<>]*", re.IGNORECASE),
        f"?{GONE}",
    ),
    ("x-amz-", re.compile(r"\b(X-Amz-[A-Za-z-]{1,40}=)[^\s&\"'<>]+", re.IGNORECASE), rf"\1{GONE}"),
    ("bearer", re.compile(r"\b(Bearer)\s+[\w.~+/=-]+", re.IGNORECASE), rf"\1 {GONE}"),
    ("basic", re.compile(r"\b(Basic)\s+[\w.~+/=-]{8,}", re.IGNORECASE), rf"\1 {GONE}"),
    # Access tokens, and refresh tokens.
    ("eyj", re.compile(r"\beyJ[\w-]+\.[\w-]+\.[\w-]*"), GONE),
    (".", re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\.\d+\.[\w-]{16,}"), GONE),
    *(
        (
            word,
            re.compile(
                rf"({word}[\"']?\s{{0,5}}[:=]\s{{0,5}})(?:\"[^\"]*\"|'[^']*'|[^\s,;&}})\"']+)",
                re.IGNORECASE,
            ),
            rf"\1{GONE}",
        )
        for word in ("password", "passwd", "secret", "token", "caption")
    ),
    # Workers are called so.
    ("@", re.compile(r"(?<![\w.+%-])(?!(?:celery|worker|media)@)[\w.+%-]{1,64}@[\w-]+(?:\.[\w-]+)+"), "[email]"),
]
# Whatever is looked for has a blank or a sign besides these in it, or a digit or a capital between dots; ids, methods,
# routes, names of loggers and moments have not.
_HARMLESS = re.compile(
    r"[\w/-]*(?:<(?:str|uuid):\w+>[\w/-]*)*|[a-z_]+(?:\.[a-z_]+)*|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z"
)
_ADDRESS = re.compile(
    r"(?<![\w.:])(?:\d{1,3}(?:\.\d{1,3}){3}|[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,7}(?:(?:\.\d{1,3}){3})?)(?![.]?\w)"
)


def redact(value: Any, *, full_addresses: bool = False) -> Any:
    """`value` as plain, bounded, JSON-ready data without what must not be told."""
    return _redact(value, 0, full_addresses=full_addresses)


@lru_cache(maxsize=1000)
def is_secret(name: str) -> bool:
    """The names in our lines are few."""
    return not _SECRET_WORDS.isdisjoint(_WORDS.split(name.lower()))


def redact_text(text: str, *, full_addresses: bool = False) -> str:
    if len(text) > LONGEST_TEXT:
        text = f"{text[:LONGEST_TEXT]}… ({len(text)} characters)"
    if _HARMLESS.fullmatch(text):
        return text
    folded = text.lower()
    for sign, shape, instead in _SHAPES:
        if sign in folded:
            text = shape.sub(instead, text)
    if full_addresses or (text.count(":") < 2 and text.count(".") < 3):
        return text
    return _ADDRESS.sub(_network, text)


def _redact(value: Any, depth: int, *, full_addresses: bool) -> Any:
    if isinstance(value, _PLAIN):
        return value
    if isinstance(value, str):
        return redact_text(value, full_addresses=full_addresses)
    if depth > DEEPEST:
        return "…"
    if isinstance(value, dict):
        return {
            (said := str(name)): GONE
            if isinstance(inner, _TELLING) and is_secret(said)
            else _redact(inner, depth + 1, full_addresses=full_addresses)
            for name, inner in islice(value.items(), MOST_ITEMS)
        }
    if isinstance(value, list | tuple | set | frozenset):
        return [_redact(inner, depth + 1, full_addresses=full_addresses) for inner in list(value)[:MOST_ITEMS]]
    return redact_text(str(value), full_addresses=full_addresses)


def _network(found: re.Match[str]) -> str:
    """The /24 or /48 that an address is in: enough to see an attack, too little to find a person. Ours stay whole."""
    try:
        address = ipaddress.ip_address(found[0])
    except ValueError:
        return found[0]
    if isinstance(address, ipaddress.IPv6Address):
        address = address.ipv4_mapped or address
    if address.is_loopback or address.is_unspecified:
        return found[0]
    return str(ipaddress.ip_network((address, 24 if address.version == 4 else 48), strict=False))
