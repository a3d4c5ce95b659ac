"""Operations of migrations that build indexes while the table is in use.

`CREATE INDEX CONCURRENTLY` runs outside a transaction: a build that fails leaves an invalid index, which PostgreSQL
updates but does not use, and the operations before it in the same migration are not undone. So that `migrate` can
simply be repeated, these operations replace an invalid index and keep a valid one.
"""

from typing import Any

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations import RunSQL


class BuildIndexConcurrently(AddIndexConcurrently):
    """`AddIndexConcurrently` that can be repeated. Takes the same arguments."""

    def database_forwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: Any, to_state: Any
    ) -> None:
        if not has_valid_index(schema_editor, self.index.name):
            super().database_forwards(app_label, schema_editor, from_state, to_state)


class BuildIndexFromSQL(RunSQL):
    """Builds an index that no model declares, and drops it backwards.

    `name`: of the index. `on`: what follows `ON` in `CREATE INDEX`, for example "content_tag (name)".
    """

    def __init__(self, name: str, on: str) -> None:
        self.name, self.on = name, on
        super().__init__(f'CREATE INDEX CONCURRENTLY "{name}" ON {on}', f'DROP INDEX CONCURRENTLY IF EXISTS "{name}"')

    def deconstruct(self) -> tuple[str, list[Any], dict[str, Any]]:
        return self.__class__.__qualname__, [self.name, self.on], {}

    def database_forwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: Any, to_state: Any
    ) -> None:
        if not has_valid_index(schema_editor, self.name):
            super().database_forwards(app_label, schema_editor, from_state, to_state)


def has_valid_index(schema_editor: BaseDatabaseSchemaEditor, name: str) -> bool:
    """Whether the index exists and is valid. An invalid one, left by a build that failed, is dropped."""
    quoted = schema_editor.quote_name(name)
    with schema_editor.connection.cursor() as cursor:
        cursor.execute("SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass(%s)", [quoted])
        found = cursor.fetchone()
    if found == (False,):
        schema_editor.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {quoted}")
    return bool(found == (True,))
