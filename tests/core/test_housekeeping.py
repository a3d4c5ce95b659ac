"""Rows of the kernel that have outlived their use."""

from datetime import timedelta

import pytest
from django.utils import timezone

from apps.core.models import DeadLetter, QueuedTask
from apps.core.tasks import housekeeping
from apps.core.tasks.outbox import enqueue

pytestmark = pytest.mark.django_db
TASK = "apps.media.tasks.process_upload"


@pytest.fixture
def row():
    enqueue(TASK, kwargs={"media_id": "1"})
    return QueuedTask.objects.get()


def age(row, **fields):
    type(row).objects.filter(pk=row.pk).update(**fields)


class TestTheOutbox:
    def test_row_in_an_unknown_format_becomes_a_dead_letter(self, row):
        age(row, schema_version=99, created_at=timezone.now() - timedelta(days=2))
        assert housekeeping.purge_outbox() == 1
        assert not QueuedTask.objects.exists()
        letter = DeadLetter.objects.get()
        assert (letter.task_id, letter.task_name, letter.kwargs) == (row.task_id, TASK, {"media_id": "1"})
        assert letter.failure_reason == "No relay reads schema version 99."

    def test_row_of_a_newer_release_is_kept_during_a_release(self, row):
        age(row, schema_version=99, created_at=timezone.now() - timedelta(hours=23))
        assert housekeeping.purge_outbox() == 0

    def test_waiting_row_is_kept(self, row):
        age(row, created_at=timezone.now() - timedelta(days=400))
        assert housekeeping.purge_outbox() == 0
        assert QueuedTask.objects.exists()

    def test_dead_letters_are_deleted_after_30_days(self):
        old, young = (
            DeadLetter.objects.create(created_at=timezone.now(), task_id=name, task_name=TASK)
            for name in ("old", "young")
        )
        age(old, dead_at=timezone.now() - timedelta(days=31))
        age(young, dead_at=timezone.now() - timedelta(days=29))
        assert housekeeping.purge_outbox() == 1
        assert list(DeadLetter.objects.values_list("task_id", flat=True)) == ["young"]
