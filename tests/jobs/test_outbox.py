"""The outbox by itself: what a row goes through, without a broker."""

from datetime import timedelta

import pytest
from django.conf import settings
from django.db import transaction
from django.db.models import JSONField, Value
from django.utils import timezone

from apps.core.models import DeadLetter, QueuedTask
from apps.core.tasks import dead_letters, outbox
from apps.core.tasks.relay import KILLED, Relay
from config.celery import app

pytestmark = pytest.mark.django_db
TASK = "apps.core.tasks.purge_rate_buckets"
LEASE = timedelta(seconds=45)


def enqueued(**options):
    return QueuedTask.objects.get(task_id=outbox.enqueue(TASK, **options))


def announced():
    rows = outbox.drop_expired(outbox.claim_due(100))
    outbox.mark_announced(rows)
    return [row.pk for row in rows]


def age(row, by):
    QueuedTask.objects.filter(pk=row.pk).update(created_at=timezone.now() - by)


class TestARow:
    @pytest.mark.promise("C3", "C5")
    def test_task_is_committed_or_rolled_back_with_the_write(self):
        with transaction.atomic():
            outbox.enqueue(TASK)
            transaction.set_rollback(True)
        assert not QueuedTask.objects.exists()
        enqueued()
        assert QueuedTask.objects.count() == 1

    def test_task_expires_only_if_the_sender_sets_an_expiry(self):
        """`OutboxTask.delay` keeps the options of a task once; a moment would grow old there."""
        assert {task.name for task in app.tasks.values() if task.name.startswith("apps.") and task.expires} == set()
        assert enqueued(expires=60).options["expires"] > timezone.now().isoformat()

    def test_row_is_kept_until_the_task_is_done(self):
        row = enqueued()
        assert announced() == [row.pk]
        assert outbox.begin_attempt(row.task_id, lease=LEASE) == 1
        outbox.finish(row.task_id)
        assert not QueuedTask.objects.exists()

    @pytest.mark.promise("C4")
    def test_announced_task_that_did_not_begin_is_announced_again(self):
        row = enqueued()
        announced()
        assert announced() == []
        QueuedTask.objects.update(next_attempt_at=timezone.now())
        assert announced() == [row.pk]

    def test_task_in_a_long_queue_is_announced_less_and_less_often(self):
        row = enqueued()
        for waited, lease in [(0, 45), (60, 60), (300, 300), (36_000, 900)]:
            age(row, timedelta(seconds=waited))
            QueuedTask.objects.update(next_attempt_at=timezone.now() - timedelta(seconds=1))
            announced()
            row.refresh_from_db()
            assert abs((row.next_attempt_at - timezone.now()).total_seconds() - lease) < 2

    @pytest.mark.promise("C2")
    def test_running_task_is_not_announced_again(self):
        row = enqueued()
        announced()
        outbox.begin_attempt(row.task_id, lease=LEASE)
        assert announced() == []

    def test_duplicate_message_of_a_finished_task_is_skipped(self):
        row = enqueued()
        outbox.begin_attempt(row.task_id, lease=LEASE)
        outbox.finish(row.task_id)
        assert outbox.begin_attempt(row.task_id, lease=LEASE) is None

    @pytest.mark.promise("C6")
    def test_task_is_attempted_five_times_then_becomes_a_dead_letter(self):
        row = enqueued(kwargs={"n": 1})
        assert [outbox.begin_attempt(row.task_id, lease=LEASE) for _ in range(6)] == [1, 2, 3, 4, 5, None]
        outbox.move_to_dead_letters([row.task_id], "RuntimeError: as always")
        letter = DeadLetter.objects.get()
        assert (letter.task_name, letter.kwargs, letter.failure_reason) == (TASK, {"n": 1}, "RuntimeError: as always")
        assert not QueuedTask.objects.exists()

    @pytest.mark.promise("C6")
    def test_task_that_kills_its_process_becomes_a_dead_letter(self):
        row = enqueued()
        for _ in range(settings.TASK_TRIES):
            outbox.begin_attempt(row.task_id, lease=LEASE)
        QueuedTask.objects.update(next_attempt_at=timezone.now())
        assert Relay(app).take_batch() == []
        assert DeadLetter.objects.get().failure_reason == KILLED

    def test_dead_letter_is_deleted_if_its_task_finishes_after_all(self):
        row = enqueued()
        outbox.begin_attempt(row.task_id, lease=LEASE)
        outbox.move_to_dead_letters([row.task_id], KILLED)
        outbox.finish(row.task_id)
        assert not DeadLetter.objects.exists()

    def test_expired_scheduled_task_is_dropped(self):
        row, late = enqueued(expires=60), enqueued(expires=-1)
        assert announced() == [row.pk]
        assert not QueuedTask.objects.filter(pk=late.pk).exists()

    def test_batch_contains_due_and_new_tasks(self):
        rows = [enqueued() for _ in range(6)]
        QueuedTask.objects.filter(pk__in=[row.pk for row in rows[:4]]).update(
            announced_at=timezone.now(), next_attempt_at=timezone.now()
        )
        with transaction.atomic():
            assert len(outbox.claim_due(4)) == 4
            assert {row.pk for row in outbox.claim_due(4)} & {rows[4].pk, rows[5].pk}


class TestTheRelay:
    @pytest.mark.promise("C3")
    def test_while_the_broker_is_unavailable_tasks_are_due_again_soon(self, monkeypatch):
        row, relay = enqueued(), Relay(app)

        def refuse(*_, **__):
            raise ConnectionError("refused")

        monkeypatch.setattr(app, "send_task", refuse)
        assert relay.announce(relay.take_batch()) == []
        row.refresh_from_db()
        assert (row.next_attempt_at - timezone.now()).total_seconds() < 3
        assert row.attempts == 0

    @pytest.mark.promise("C6")
    def test_unserializable_task_does_not_block_others(self, monkeypatch):
        first, second, sent = enqueued(kwargs={"n": 1}), enqueued(kwargs={"n": 2}), []

        def send(name, *, task_id, kwargs, **_):
            if kwargs == {"n": 1}:
                raise ValueError("not serializable")
            sent.append(task_id)

        monkeypatch.setattr(app, "send_task", send)
        relay = Relay(app)
        for _ in range(settings.TASK_TRIES):
            QueuedTask.objects.update(next_attempt_at=timezone.now())
            relay.announce(relay.take_batch())
        assert set(sent) == {second.task_id}
        assert DeadLetter.objects.get().task_id == first.task_id

    @pytest.mark.promise("C6")
    @pytest.mark.parametrize("options", [[], None, 7, "x", {"expires": "soon"}, {"expires": "2026-01-01T00:00:00"}])
    def test_row_with_malformed_options_does_not_block_others(self, monkeypatch, options):
        bad, good, sent = enqueued(), enqueued(), []
        QueuedTask.objects.filter(pk=bad.pk).update(options=Value(options, JSONField()))
        monkeypatch.setattr(app, "send_task", lambda name, *, task_id, **_: sent.append(task_id))
        relay = Relay(app)
        relay.announce(relay.take_batch())
        assert good.task_id in sent


class TestDeadLetters:
    @pytest.fixture
    def letter(self):
        row = enqueued(kwargs={"n": 1})
        for _ in range(settings.TASK_TRIES):
            outbox.begin_attempt(row.task_id, lease=LEASE)
        outbox.move_to_dead_letters([row.task_id], "RuntimeError: as always")
        return DeadLetter.objects.get()

    def test_retried_dead_letter_gets_all_attempts_again(self, letter):
        assert dead_letters.retry(dead_letters.found([letter.pk])) == 1
        row = QueuedTask.objects.get()
        assert (row.task_id, row.kwargs, row.attempts, row.announced_at) == (letter.task_id, {"n": 1}, 0, None)
        assert not DeadLetter.objects.exists()

    def test_dead_letters_are_found_by_the_end_of_the_task_name(self, letter):
        assert list(dead_letters.found(task="purge_rate_buckets")) == [letter]
        assert not dead_letters.found(task="buckets").exists()

    def test_dropped_dead_letters_are_deleted(self, letter):
        assert dead_letters.drop(dead_letters.found(task=TASK)) == 1
        assert not QueuedTask.objects.exists()
