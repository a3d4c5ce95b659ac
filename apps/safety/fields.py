"""A perceptual hash as a bit string, so that PostgreSQL can count the bits in which two hashes differ."""

from typing import Any

from django.db import models

from apps.safety.hashes import HASH_BITS, bits


class ImageHashField(models.Field):  # type: ignore[type-arg]
    """64 hexadecimal digits in Python, bit(256) in the database."""

    def db_type(self, connection: Any) -> str:
        return f"bit({HASH_BITS})"

    def from_db_value(self, value: str | None, expression: Any, connection: Any) -> str | None:
        return None if value is None else f"{int(value, 2):064x}"

    def get_prep_value(self, value: Any) -> str | None:
        return None if value is None else bits(value)
