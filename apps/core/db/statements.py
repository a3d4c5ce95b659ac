"""The former name of `fetch_rows`, for the modules that are not converted yet."""

from typing import Any

from apps.core.db.queries import Row as Row
from apps.core.db.queries import fetch_rows


def select(sql: str, **values: Any) -> list[Row]:
    """The rows of a statement with named placeholders."""
    return fetch_rows(sql, values)
