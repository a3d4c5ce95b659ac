"""Querysets as SQL that is composed once.

What may be read is decided by querysets, and Django takes longer to turn one into SQL than PostgreSQL takes to answer.
A `Statement` keeps what it has composed, so that a rule is still written once, and only values go with each request.
"""

from collections.abc import Callable, Iterable
from functools import cached_property, partial
from typing import Any
from uuid import UUID

import orjson
from django.db.models import QuerySet
from psycopg.sql import Literal

from apps.core.db.ids import ID_BYTES, PackedId
from apps.core.db.queries import Row as Row
from apps.core.db.queries import fetch_rows


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
    """The rows of a statement with named placeholders."""
    return fetch_rows(sql, values)


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
