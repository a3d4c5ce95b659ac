"""QuerySet methods that more than one app needs."""

from functools import cache
from typing import Any

from django.db import connection
from django.db.models import NOT_PROVIDED, Field, Model, QuerySet

from apps.core.db.queries import fetch_rows


class InsertOrIgnoreQuerySet(QuerySet[Any]):
    def insert_or_ignore(self, **values: Any) -> bool:
        """Insert a row unless a unique constraint has it already. Returns whether the row is new.

        `bulk_create(ignore_conflicts=True)` does the same without saying whether the row is new, and `get_or_create`
        needs a query and a savepoint more.
        """
        row = self.model(**values)
        fields = _written_fields(self.model)
        prepared = {f.column: f.get_db_prep_save(f.pre_save(row, True), connection) for f in fields}
        return bool(fetch_rows(_insert_or_ignore_sql(self.model), prepared))


@cache
def _written_fields(model: type[Model]) -> list["Field[Any, Any]"]:
    """The columns whose value the database does not fill in by itself."""
    return [field for field in model._meta.concrete_fields if field.db_default is NOT_PROVIDED]


@cache
def _insert_or_ignore_sql(model: type[Model]) -> str:
    columns = [field.column for field in _written_fields(model)]
    quoted, values = ", ".join(f'"{name}"' for name in columns), ", ".join(f"%({name})s" for name in columns)
    return f'INSERT INTO "{model._meta.db_table}" ({quoted}) VALUES ({values}) ON CONFLICT DO NOTHING RETURNING 1'  # noqa: S608
