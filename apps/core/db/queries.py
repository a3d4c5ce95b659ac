"""Statements that the ORM cannot express, from files in `apps/<app>/sql/`.

A file holds one complete statement with parameters in psql's notation, `:viewer`. It may have slots, `{visible}`, for
the SQL of a compiled queryset: access rules are never written in a file. Parameters are bound by the server, so that
PostgreSQL keeps the plan of each statement in every session (`prepare_threshold` in the settings).
"""

import re
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from django.apps import apps
from django.db import connection
from django.db.backends.postgresql.base import ServerBindingCursor

Row = tuple[Any, ...]
T = TypeVar("T")
# A parameter; neither a cast (`::uuid`) nor a part of a time.
_PARAMETER = re.compile(r"(?<![:\w]):([a-z_]+)\b")
_SLOT = re.compile(r"\{([a-z_]+)\}")
_COMMENT = re.compile(r"--[^\n]*")


def fetch_rows(sql: str, parameters: Mapping[str, Any]) -> list[Row]:
    """The rows of a statement with `%(name)s` parameters."""
    connection.ensure_connection()
    cursor: Any = ServerBindingCursor(connection.connection)  # type: ignore[call-arg]  # the stub is incomplete
    wrap = connection.make_debug_cursor if connection.queries_logged else connection.make_cursor
    with wrap(cursor) as wrapped:
        wrapped.execute(sql, parameters)
        return list(wrapped.fetchall()) if wrapped.description else []


def fetch(row: Callable[..., T], sql: str, **parameters: Any) -> list[T]:
    """The rows of a statement as `row(*columns)`, for a dataclass or named tuple whose fields are the columns."""
    return [row(*columns) for columns in fetch_rows(sql, parameters)]


@cache
def load(name: str, **slots: str) -> str:
    """The statement of `apps/<app>/sql/<name>.sql`, named "<app>/<name>", for `fetch` and `fetch_rows`.

    `slots`: the SQL for each `{slot}` of the file, from a compiled queryset. Raises KeyError for a slot without SQL.
    """
    text = _COMMENT.sub("", path_of(name).read_text()).replace("%", "%%")
    return _SLOT.sub(lambda slot: slots[slot[1]], _PARAMETER.sub(r"%(\1)s", text))


def path_of(name: str) -> Path:
    """The file of the statement "<app>/<name>"."""
    app, _, statement = name.partition("/")
    return Path(apps.get_app_config(app).path, "sql", f"{statement}.sql")
