"""Querysets that are turned into SQL once per process.

A visibility rule is a queryset method, and Django needs about a millisecond to turn such a queryset into SQL. A
`CompiledQuery` keeps the SQL, so that the rule is still written once and only values travel with a request. This is the
only device of its kind: it composes nothing.
"""

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any
from uuid import UUID

from django.db import DEFAULT_DB_ALIAS
from django.db.models import Model, QuerySet
from psycopg.sql import Literal

from apps.core.db.queries import Row, fetch_rows


class CompiledQuery:
    """A queryset as SQL with named parameters.

    `VISIBLE = CompiledQuery(lambda viewer, post: Post.objects.visible_to(viewer).filter(pk=post))` gives
    `VISIBLE.sql(viewer=..., post=...)`: `SELECT ... WHERE ... %(viewer)s ...`. The arguments are ids, or text for a
    column of text. An argument that is None (an anonymous viewer) is passed to the queryset as None and makes a
    statement of its own.
    """

    def __init__(self, build: Callable[..., QuerySet[Any, Any]]) -> None:
        """`build` takes ids as keyword arguments. It must neither look at their values nor run a query."""
        self._build = build
        self._compiled = lru_cache(maxsize=None)(self._compile)

    def sql(self, **ids: UUID | str | None) -> str:
        """The SELECT, with `%(name)s` for each argument that has a value."""
        return self._queryset_and_sql(ids)[1]

    def rows(self, *, limit: int | None = None, **ids: UUID | str | None) -> list[Row]:
        """The rows of the queryset for these arguments, or the first `limit` of them."""
        sql = self.sql(**ids)
        return fetch_rows(sql if limit is None else f"{sql} LIMIT %(limit)s", ids | {"limit": limit})

    def instances(self, **ids: UUID | str | None) -> list[Any]:
        """The model instances of a queryset that selects whole rows."""
        queryset, sql = self._queryset_and_sql(ids)
        model: type[Model] = queryset.model
        names = [field.attname for field in model._meta.concrete_fields]
        return [model.from_db(DEFAULT_DB_ALIAS, names, row) for row in fetch_rows(sql, ids)]

    def exists(self, **ids: UUID | str | None) -> bool:
        return bool(fetch_rows(self.sql(**ids), ids))

    def _queryset_and_sql(self, ids: dict[str, UUID | str | None]) -> tuple[QuerySet[Any, Any], str]:
        present = tuple(name for name, value in ids.items() if value is not None)
        missing = tuple(name for name, value in ids.items() if value is None)
        return self._compiled(present, missing)

    def _compile(self, present: tuple[str, ...], missing: tuple[str, ...]) -> tuple[QuerySet[Any, Any], str]:
        stand_ins = {UUID(int=number): name for number, name in enumerate(present, start=1)}
        queryset = self._build(**{name: value for value, name in stand_ins.items()}, **dict.fromkeys(missing))
        text, values = queryset.query.sql_with_params()
        names = {key: name for value, name in stand_ins.items() for key in (value, str(value))}
        return queryset, text.replace("%%", "%%%%") % tuple(_parameter(value, names) for value in values)


def _parameter(value: Any, names: Mapping[Any, str]) -> str:
    """A named parameter for a stand-in, which is text for a column of text, and a literal for every other value."""
    name = names.get(value) if isinstance(value, UUID | str) else None
    return f"%({name})s" if name else Literal(value).as_string(None).replace("%", "%%")
