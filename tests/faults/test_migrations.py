"""Migrations run while the old code serves, and the old code goes on for a while beside the new schema (C10)."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import IntegrityError, connection, models
from django.db.migrations import AddField, AddIndex, AlterModelTable, CreateModel, Migration, RemoveField, RunSQL
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.state import ModelState, ProjectState

from apps.core.db.operations import BuildIndexConcurrently, BuildIndexFromSQL

# Each locks a table for as long as it takes to read or rewrite it, or takes away what the old code still asks for;
# beside each, what does the same without.
REFUSED = {
    "AddIndex": "BuildIndexConcurrently",
    "AddIndexConcurrently": "BuildIndexConcurrently, which can be repeated after a build that failed",
    "RemoveIndex": "RemoveIndexConcurrently",
    "AddConstraint": "AddConstraintNotValid and ValidateConstraint, or a unique index built concurrently",
    "AlterField": "a second column, filled in batches",
    "RenameField": "a second column, filled in batches",
    "RenameModel": "a second table, or AlterModelTable with the former table before it",
    "AlterUniqueTogether": "a unique index built concurrently",
}
# What takes something away goes a release after the code has ceased to ask for it; it is listed here then.
LATER = {"RemoveField", "DeleteModel"}
TAKEN_AWAY_A_RELEASE_LATER: set[tuple[str, str]] = set()
# Made before anybody could have deployed it, over empty tables.
BEFORE_THE_FIRST_RELEASE = {
    ("content", "0002_stale_exposure_and_leaner_indexes"),
    ("engagement", "0002_replies_mentions_tombstones"),
    ("media", "0002_rows_say_what_they_wait_for"),
}


def faults_of(migration: Migration) -> Iterator[str]:
    """Why it must not run while the old code serves."""
    new = {operation.name_lower for operation in migration.operations if isinstance(operation, CreateModel)}
    # A model that is given its former table by name can be renamed without a change of the database.
    new |= {operation.name_lower for operation in migration.operations if isinstance(operation, AlterModelTable)}
    for operation in migration.operations:
        kind = type(operation).__name__
        model = (
            getattr(operation, "model_name_lower", "")
            or getattr(operation, "old_name_lower", "")
            or getattr(operation, "name_lower", "")
        )
        if migration.initial or model in new:
            continue
        if kind in REFUSED:
            yield f"{kind} on {model}: {REFUSED[kind]}"
        if kind in LATER and (migration.app_label, migration.name) not in TAKEN_AWAY_A_RELEASE_LATER:
            yield f"{kind} on {model}: in the release after the one that ceases to use it"
        if isinstance(operation, AddField) and not _is_left_out_by_old_code(operation.field):
            yield f"AddField {operation.name} on {model}: the old code does not fill it; null or db_default"
        if kind == "RunSQL" and re.search(r"CREATE (UNIQUE )?INDEX", str(getattr(operation, "sql", ""))):
            yield "RunSQL: BuildIndexFromSQL"


def _is_left_out_by_old_code(field: Any) -> bool:
    return field.null or field.many_to_many or field.db_default is not models.NOT_PROVIDED


def ours() -> list[Migration]:
    disk = MigrationLoader(None).disk_migrations
    return [migration for migration in disk.values() if migration.__module__.startswith("apps.")]


@pytest.mark.promise("C10")
def test_migrations_run_while_the_previous_release_serves() -> None:
    found = {(each.app_label, each.name): faults for each in ours() if (faults := list(faults_of(each)))}
    assert {key: faults for key, faults in found.items() if key not in BEFORE_THE_FIRST_RELEASE} == {}
    assert set(found) >= BEFORE_THE_FIRST_RELEASE, "an exception that is none"


@pytest.mark.promise("C10")
@pytest.mark.parametrize(
    ("operation", "is_refused"),
    [
        (AddIndex("post", models.Index(fields=["caption"], name="x")), True),
        (AddIndexConcurrently("post", models.Index(fields=["caption"], name="x")), True),
        (BuildIndexConcurrently("post", models.Index(fields=["caption"], name="x")), False),
        (AddField("post", "colour", models.CharField(max_length=7, default="")), True),
        (AddField("post", "colour", models.CharField(max_length=7, db_default="")), False),
        (AddField("post", "colour", models.CharField(max_length=7, null=True)), False),
        (RemoveField("post", "caption"), True),
        (RunSQL("CREATE INDEX x ON content_post (caption)"), True),
        (RunSQL("CREATE INDEX CONCURRENTLY IF NOT EXISTS x ON content_post (caption)"), True),
        (RunSQL("CREATE UNIQUE INDEX CONCURRENTLY x ON content_post (caption)"), True),
        (BuildIndexFromSQL("x", "content_post (caption)"), False),
    ],
)
def test_migration_that_locks_a_hot_table_is_detected(operation: Any, is_refused: bool) -> None:
    migration = Migration("0099_test", "content")
    migration.operations = [operation]
    assert bool(list(faults_of(migration))) == is_refused
    migration.operations = [CreateModel("Post", []), operation]
    assert not list(faults_of(migration)) or isinstance(operation, RunSQL)


# ── Building an index again ──────────────────────────────────────────────────────────────────────────────
@pytest.fixture
def _table(transactional_db: None) -> Iterator[None]:
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE rebuilt (id int); INSERT INTO rebuilt VALUES (1), (1)")
    yield
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE rebuilt")


def indexes() -> list[tuple[int, bool, bool]]:
    """The id of each index of the table, whether it is valid, and whether it is unique."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT indexrelid, indisvalid, indisunique FROM pg_index WHERE indrelid = 'rebuilt'::regclass")
        return list(cursor.fetchall())


def migrate(operation: Any) -> None:
    before = ProjectState()
    before.add_model(ModelState("core", "Rebuilt", [("id", models.IntegerField(primary_key=True))], RENAMED))
    after = before.clone()
    operation.state_forwards("core", after)
    with connection.schema_editor(atomic=False) as editor:
        operation.database_forwards("core", editor, before, after)


RENAMED = {"db_table": "rebuilt"}
BUILDS = [
    BuildIndexConcurrently("rebuilt", models.Index(fields=["id"], name="rebuilt_by_id")),
    BuildIndexFromSQL("rebuilt_by_id", "rebuilt (id)"),
]


@pytest.mark.usefixtures("_table")
@pytest.mark.parametrize("operation", BUILDS, ids=lambda each: type(each).__name__)
def test_invalid_index_of_a_failed_build_is_built_again_and_a_valid_one_is_kept(operation: Any) -> None:
    with connection.cursor() as cursor, pytest.raises(IntegrityError):
        cursor.execute("CREATE UNIQUE INDEX CONCURRENTLY rebuilt_by_id ON rebuilt (id)")
    [(_, is_valid, is_unique)] = indexes()
    assert (is_valid, is_unique) == (False, True)
    migrate(operation)
    [built] = indexes()
    assert built[1:] == (True, False)
    migrate(operation)
    assert indexes() == [built]
