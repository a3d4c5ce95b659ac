"""Querysets as SQL that is composed once.

What may be read is decided by querysets, and Django takes longer to turn one into SQL than PostgreSQL takes to answer.
A `Statement` keeps what it has composed, so that a rule is still written once, and only values go with each request.
"""

import re
from collections.abc import Callable, Iterable
from functools import cached_property, lru_cache, partial
from typing import Any, cast
from uuid import UUID

import orjson
import psycopg
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.backends.utils import CursorWrapper
from django.db.models import QuerySet
from psycopg.sql import Literal

from apps.core.ids import ID_BYTES, PackedId
from apps.core.postgresql.base import DatabaseWrapper

Row = tuple[Any, ...]
_PLACEHOLDER = re.compile(r"%%|%\((\w+)\)s")


class Statement:
    """`Statement(lambda viewer: Post.objects.visible_to(viewer), "viewer").sql` is `SELECT … WHERE … %(viewer)s …`.

    `compose` is called once, with a stand-in for each of the ids that are named. It must not look at them, nor ask the
    database for anything.
    """

    def __init__(self, compose: Callable[..., QuerySet[Any, Any]], *names: str) -> None:
        self._compose = compose
        self._stand_ins = {UUID(int=number): name for number, name in enumerate(names, start=1)}

    @cached_property
    def sql(self) -> str:
        """With the names as placeholders, and everything else as it is: fit to stand within another statement."""
        queryset = self._compose(**{name: stand_in for stand_in, name in self._stand_ins.items()})
        text, values = queryset.query.sql_with_params()
        return text.replace("%%", "%%%%") % tuple(self._placed(value) for value in values)

    def _placed(self, value: Any) -> str:
        name = self._stand_ins.get(value) if isinstance(value, UUID) else None
        return f"%({name})s" if name else Literal(value).as_string(None).replace("%", "%%")


class Sight:
    """What a viewer may see: a statement for somebody, `%(viewer)s`, and another for nobody, an anonymous caller.

    `compose` gets the `viewer`, None for nobody, and the ids that are named.
    """

    def __init__(self, compose: Callable[..., QuerySet[Any, Any]], *names: str) -> None:
        self._of_somebody = Statement(compose, "viewer", *names)
        self._of_nobody = Statement(partial(compose, viewer=None), *names)

    def sql(self, viewer_id: UUID | None) -> str:
        return (self._of_somebody if viewer_id else self._of_nobody).sql


def select(sql: str, **values: Any) -> list[Row]:
    """The rows of a statement with named placeholders, whose text is one of a few: each is kept, planned, in every
    session of the database (`prepare_threshold` in the settings).

    Django's own cursors put values into the text of a statement, so that no two are the same. Here they are sent apart,
    and what is asked for comes in PostgreSQL's own format, which is sooner read than text; it is counted like any
    other statement. Where statements are to be shown, in tests, they are shown with their values.
    """
    # Not `django.db.connection`, which looks up which one it is each time that something is asked of it.
    own = cast(DatabaseWrapper, connections[DEFAULT_DB_ALIAS])
    if own.queries_logged:
        with own.cursor() as shown:
            shown.execute(sql, values)
            return list(shown.fetchall())
    pool = own.pool
    if pool is None or own.connection is not None or own.in_atomic_block:
        own.ensure_connection()
        return _rows(own, own.connection, sql, values)
    # A session for this one statement. Django would make it the thread's own until the request ends, and set it up for
    # all that a request might do.
    with own.wrap_database_errors:
        pool.open()
        borrowed = pool.getconn()
    try:
        return _rows(own, borrowed, sql, values)
    finally:
        pool.putconn(borrowed)


def _rows(own: DatabaseWrapper, session: "psycopg.Connection[Row]", sql: str, values: dict[str, Any]) -> list[Row]:
    text, names = _numbered(sql)
    raw = psycopg.RawCursor(session)
    raw.format = psycopg.pq.Format.BINARY
    with CursorWrapper(raw, own) as cursor:
        cursor.execute(text, [values[name] for name in names])
        return list(cursor.fetchall())


@lru_cache(maxsize=1000)
def _numbered(sql: str) -> tuple[str, tuple[str, ...]]:
    """With PostgreSQL's placeholders, $1 and so on, and whose they are. psycopg would look for the names in a long
    statement each time."""
    names: dict[str, int] = {}

    def placed(found: re.Match[str]) -> str:
        return "%" if found[0] == "%%" else f"${names.setdefault(found[1], len(names) + 1)}"

    return _PLACEHOLDER.sub(placed, sql), tuple(names)


def columns(row: str, names: Iterable[str], **read_as: str) -> str:
    """Those of `row`, one after the other, but for those that are read in another way."""
    return ", ".join(read_as.get(name, f"{row}.{name}") for name in names)


def array_of(ids: Iterable[UUID]) -> str:
    """As PostgreSQL reads an array. psycopg takes fifteen times as long to write one of twenty ids."""
    return array_of_packed(pk.bytes for pk in ids)


def array_of_packed(ids: Iterable[PackedId]) -> str:
    return "{" + b"".join(ids).hex(",", ID_BYTES) + "}"


def aggregate(column: str | None) -> list[Any]:
    """What `json_agg(…)::text` has gathered; it gathers nothing as a null."""
    gathered: list[Any] = orjson.loads(column) if column else []
    return gathered
