"""Migrations run while the old code serves, and the old code goes on for a while beside the new schema (C10)."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import models
from django.db.migrations import AddField, AddIndex, AlterModelTable, CreateModel, Migration, RemoveField, RunSQL
from django.db.migrations.loader import MigrationLoader

# Each locks a table for as long as it takes to read or rewrite it, or takes away what the old code still asks for;
# beside each, what does the same without.
REFUSED = {
    "AddIndex": "AddIndexConcurrently",
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
        if isinstance(operation, RunSQL) and "CREATE INDEX " in str(operation.sql).replace("INDEX CONCURRENTLY", ""):
            yield "RunSQL: CREATE INDEX CONCURRENTLY"


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
        (AddIndexConcurrently("post", models.Index(fields=["caption"], name="x")), False),
        (AddField("post", "colour", models.CharField(max_length=7, default="")), True),
        (AddField("post", "colour", models.CharField(max_length=7, db_default="")), False),
        (AddField("post", "colour", models.CharField(max_length=7, null=True)), False),
        (RemoveField("post", "caption"), True),
        (RunSQL("CREATE INDEX x ON content_post (caption)"), True),
        (RunSQL("CREATE INDEX CONCURRENTLY x ON content_post (caption)"), False),
    ],
)
def test_migration_that_locks_a_hot_table_is_detected(operation: Any, is_refused: bool) -> None:
    migration = Migration("0099_test", "content")
    migration.operations = [operation]
    assert bool(list(faults_of(migration))) == is_refused
    migration.operations = [CreateModel("Post", []), operation]
    assert not list(faults_of(migration)) or isinstance(operation, RunSQL)
