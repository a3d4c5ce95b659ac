"""The column `Media.variants`.

The pipeline writes it, and the database checks no shape. A malformed entry must not break the pages that show the
medium among others, so it is left out wherever the column is read, and counted.
"""

import json
from typing import Any

from django.db import models
from django.db.models.expressions import Col
from prometheus_client import Counter

from apps.media.variants import is_well_formed

LEFT_OUT = Counter("photogram_media_variants_left_out_total", "Reads of media with malformed variants.")


def well_formed(variants: object) -> list[dict[str, Any]]:
    """The well-formed entries of a value of the column."""
    entries = variants if isinstance(variants, list) else []
    kept = [entry for entry in entries if is_well_formed(entry)]
    if kept != variants:
        LEFT_OUT.inc()
    return kept


def is_complete(text: str) -> bool:
    """Whether a stored value has entries and all of them are well-formed."""
    try:
        variants = json.loads(text)
    except (ValueError, RecursionError):
        return False
    return isinstance(variants, list) and bool(variants) and all(is_well_formed(entry) for entry in variants)


class VariantsField(models.JSONField):
    """A list of {name, content_type, width, height, bytes}. Malformed entries are left out when it is read."""

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> Any:
        if not isinstance(expression, Col):
            return super().from_db_value(value, expression, connection)
        try:
            return well_formed(super().from_db_value(value, expression, connection))
        except (ValueError, RecursionError):  # numbers and depths that PostgreSQL stores and Python does not parse
            return well_formed(None)
