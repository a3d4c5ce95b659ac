"""The outbox by itself: what a row goes through, without a broker."""

from datetime import timedelta

import pytest
from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django_celery_outbox.models import CeleryOutbox, CeleryOutboxDeadLetter

from apps.core.tasks import dead_letters, outbox
from apps.core.tasks.relay import KILLED, Mutations
from config.celery import app

pytestmark = pytest.mark.django_db
TASK = "apps.core.tasks.purge_rate_buckets"
LEASE = timedelta(seconds=45)


def enqueued(**options):
    return CeleryOutbox.objects.get(task_id=app.send_task(TASK, **options).id)


def announced():
    rows = outbox.forget_late(outbox.claim_due(100))
    outbox.mark_announced(rows)
    return [row.pk for row in rows]


def age(row, by):
    CeleryOutbox.objects.filter(pk=row.pk).update(created_at=timezone.now() - by)


class TestARow:
    def test_c3_c5_is_there_with_the_deed_and_not_without_it(self):
        with transaction.atomic():
            app.send_task(TASK)
            transaction.set_rollback(True)
        assert not CeleryOutbox.objects.exists()
        enqueued()
        assert CeleryOutbox.objects.count() == 1

    def test_expires_when_whoever_sends_it_says_so_and_never_by_itself(self):
        """`OutboxTask.delay` keeps the options of a task once; a moment would grow old there."""
        assert {task.name for task in app.tasks.values() if task.name.startswith("apps.") and task.expires} == set()
        assert enqueued(expires=60).options["expires"] > timezone.now().isoformat()

    def test_stays_until_it_is_done(self):
        row = enqueued()
        assert announced() == [row.pk]
        assert outbox.begin(row.task_id, lease=LEASE) == 1
        outbox.done(row.task_id)
        assert not CeleryOutbox.objects.exists()

    def test_c4_announced_and_not_begun_it_is_announced_again(self):
        row = enqueued()
        announced()
        assert announced() == []
        CeleryOutbox.objects.update(retry_after=timezone.now())
        assert announced() == [row.pk]

    def test_that_waits_in_a_long_queue_is_announced_ever_less_often(self):
        row = enqueued()
        for waited, lease in [(0, 45), (60, 60), (300, 300), (36_000, 900)]:
            age(row, timedelta(seconds=waited))
            CeleryOutbox.objects.update(retry_after=timezone.now() - timedelta(seconds=1))
            announced()
            row.refresh_from_db()
            assert abs((row.retry_after - timezone.now()).total_seconds() - lease) < 2

    def test_c2_is_not_announced_again_while_somebody_is_at_it(self):
        row = enqueued()
        announced()
        outbox.begin(row.task_id, lease=LEASE)
        assert announced() == []

    def test_whose_message_comes_twice_is_begun_once_it_is_done_no_more(self):
        row = enqueued()
        outbox.begin(row.task_id, lease=LEASE)
        outbox.done(row.task_id)
        assert outbox.begin(row.task_id, lease=LEASE) is None

    def test_c6_is_tried_five_times_and_then_a_dead_letter(self):
        row = enqueued(kwargs={"n": 1})
        assert [outbox.begin(row.task_id, lease=LEASE) for _ in range(6)] == [1, 2, 3, 4, 5, None]
        outbox.bury(row.task_id, "RuntimeError: as always")
        letter = CeleryOutboxDeadLetter.objects.get()
        assert (letter.task_name, letter.kwargs, letter.failure_reason) == (TASK, {"n": 1}, "RuntimeError: as always")
        assert not CeleryOutbox.objects.exists()

    def test_is_buried_with_what_its_arguments_are_shown_as(self):
        row = enqueued(kwargs={"token": "secret"})
        CeleryOutbox.objects.update(redacted_args=[], redacted_kwargs={"token": "[redacted]"}, sentry_trace_id="t")
        outbox.bury(row.task_id, KILLED)
        letter = CeleryOutboxDeadLetter.objects.get()
        assert (letter.kwargs, letter.inspection_kwargs) == ({"token": "secret"}, {"token": "[redacted]"})
        assert (letter.inspection_args, letter.sentry_trace_id) == ([], "t")

    def test_c6_that_killed_its_process_each_time_is_buried_by_the_relay(self):
        row = enqueued()
        for _ in range(settings.TASK_TRIES):
            outbox.begin(row.task_id, lease=LEASE)
        Mutations(backoff_time=1, max_backoff=1).move_exceeded_to_dead_letter([row])
        assert CeleryOutboxDeadLetter.objects.get().failure_reason == KILLED

    def test_that_was_given_up_and_is_done_after_all_is_no_dead_letter(self):
        row = enqueued()
        outbox.begin(row.task_id, lease=LEASE)
        outbox.bury(row.task_id, KILLED)
        outbox.done(row.task_id)
        assert not CeleryOutboxDeadLetter.objects.exists()

    def test_of_the_clock_that_comes_too_late_is_forgotten(self):
        row, late = enqueued(expires=60), enqueued(expires=-1)
        assert announced() == [row.pk]
        assert not CeleryOutbox.objects.filter(pk=late.pk).exists()

    def test_due_and_new_ones_share_a_batch(self):
        rows = [enqueued() for _ in range(6)]
        CeleryOutbox.objects.filter(pk__in=[row.pk for row in rows[:4]]).update(
            updated_at=timezone.now(), retry_after=timezone.now()
        )
        with transaction.atomic():
            assert len(outbox.claim_due(4)) == 4
            assert {row.pk for row in outbox.claim_due(4)} & {rows[4].pk, rows[5].pk}


class TestDeadLetters:
    @pytest.fixture
    def letter(self):
        row = enqueued(kwargs={"n": 1})
        for _ in range(settings.TASK_TRIES):
            outbox.begin(row.task_id, lease=LEASE)
        outbox.bury(row.task_id, "RuntimeError: as always")
        return CeleryOutboxDeadLetter.objects.get()

    def test_retried_they_have_all_their_tries_before_them(self, letter):
        assert dead_letters.retry(dead_letters.found([letter.pk])) == 1
        row = CeleryOutbox.objects.get()
        assert (row.task_id, row.kwargs, row.retries, row.updated_at) == (letter.task_id, {"n": 1}, 0, None)
        assert not CeleryOutboxDeadLetter.objects.exists()

    def test_are_found_by_the_end_of_their_tasks_name(self, letter):
        assert list(dead_letters.found(task="purge_rate_buckets")) == [letter]
        assert not dead_letters.found(task="buckets").exists()

    def test_dropped_they_are_gone(self, letter):
        assert dead_letters.drop(dead_letters.found(task=TASK)) == 1
        assert not CeleryOutbox.objects.exists()
