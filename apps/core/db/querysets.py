"""QuerySet methods that more than one app needs."""

from typing import Any

from django.db import connection
from django.db.models import NOT_PROVIDED, QuerySet

from apps.core.db.queries import fetch_rows


class InsertOrIgnoreQuerySet(QuerySet[Any]):
    def insert_or_ignore(self, **values: Any) -> bool:
        """Insert a row unless a unique constraint has it already. Returns whether the row is new.

        `bulk_create(ignore_conflicts=True)` does the same without saying whether the row is new, and `get_or_create`
        needs a query and a savepoint more.
        """
        row, meta = self.model(**values), self.model._meta
        # The database fills in the others by itself.
        fields = [field for field in meta.concrete_fields if field.db_default is NOT_PROVIDED]
        prepared = {str(f.column): f.get_db_prep_save(f.pre_save(row, True), connection) for f in fields}
        columns, parameters = ", ".join(f'"{c}"' for c in prepared), ", ".join(f"%({c})s" for c in prepared)
        sql = f'INSERT INTO "{meta.db_table}" ({columns}) VALUES ({parameters}) ON CONFLICT DO NOTHING RETURNING 1'  # noqa: S608
        return bool(fetch_rows(sql, prepared))
