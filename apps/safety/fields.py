"""A perceptual hash as PostgreSQL's bit string, so that the database itself can count in how many bits two differ."""

import re
from typing import Any

from django.db import models

HASH_BITS = 256
_HEX = re.compile(r"[0-9a-f]{64}")


def require_hash(text: str) -> str:
    """`text`, if it is 256 bits in hexadecimal. Raises ValueError."""
    if not _HEX.fullmatch(text):
        raise ValueError("A hash is 64 hexadecimal digits.")
    return text


class ImageHashField(models.Field):  # type: ignore[type-arg]
    """64 hexadecimal digits in Python, bit(256) in the database."""

    def db_type(self, connection: Any) -> str:
        return f"bit({HASH_BITS})"

    def from_db_value(self, value: str | None, expression: Any, connection: Any) -> str | None:
        return None if value is None else f"{int(value, 2):064x}"

    def get_prep_value(self, value: Any) -> str | None:
        return None if value is None else bits(value)


def bits(text: str) -> str:
    """As PostgreSQL writes it. Raises ValueError."""
    return f"{int(require_hash(text), 16):0{HASH_BITS}b}"
