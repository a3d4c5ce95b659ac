"""Formats of a perceptual hash. Does not import Django, because the image sandbox loads this module too."""

import re

HASH_BITS = 256
_HEX = re.compile(r"[0-9a-f]{64}")


def require_hash(text: str) -> str:
    """Returns `text` if it is 256 bits in hexadecimal. Raises ValueError."""
    if not _HEX.fullmatch(text):
        raise ValueError("A hash is 64 hexadecimal digits.")
    return text


def bits(text: str) -> str:
    """The hash as PostgreSQL's bit string. Raises ValueError."""
    return f"{int(require_hash(text), 16):0{HASH_BITS}b}"
