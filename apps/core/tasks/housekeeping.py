"""Deletion of expired rows of this app, and repair of counters."""

from collections.abc import Iterator
from datetime import timedelta

import structlog
from django.db.models import QuerySet
from django.utils import timezone
from prometheus_client import Counter

from apps.core.db.batches import BatchRunner, delete_in_batches
from apps.core.db.counters import Drift, every_counter
from apps.core.models import DeadLetter, Heartbeat, IdempotencyKey, QueuedTask, RateBucket
from apps.core.tasks import outbox

log = structlog.get_logger(__name__)
DRIFT = Counter("photogram_counter_drift_total", "Counters found wrong and repaired.", ["counter"])
IDEMPOTENCY_KEYS_KEPT = timedelta(hours=24)
# A dead letter that was not retried in a month is not missed.
DEAD_LETTERS_KEPT = timedelta(days=30)
HEARTBEATS_KEPT = timedelta(days=1)
# During a release old and new code run side by side, and the new may read what the old cannot.
UNREADABLE_AFTER = timedelta(days=1)


# ── Rows that have outlived their use ────────────────────────────────────────────────────────────────────
def expired_idempotency_keys() -> QuerySet[IdempotencyKey]:
    return IdempotencyKey.objects.filter(created_at__lt=timezone.now() - IDEMPOTENCY_KEYS_KEPT)


def purge_idempotency_keys(runner: BatchRunner | None = None) -> int:
    return delete_in_batches(expired_idempotency_keys(), runner)


def expired_rate_buckets() -> QuerySet[RateBucket]:
    return RateBucket.objects.filter(expires_at__lt=timezone.now())


def purge_rate_buckets(runner: BatchRunner | None = None) -> int:
    return delete_in_batches(expired_rate_buckets(), runner)


def purge_outbox(runner: BatchRunner | None = None) -> int:
    """Delete old dead letters; rows that no relay reads become dead letters. Returns the number of rows in all."""
    runner = runner or BatchRunner()
    moved = _move_unreadable(runner)
    old = DeadLetter.objects.filter(dead_at__lt=timezone.now() - DEAD_LETTERS_KEPT)
    return moved + delete_in_batches(old, runner)


def _move_unreadable(runner: BatchRunner) -> int:
    """The relay skips rows of other versions, which would stay in the outbox for ever."""
    unreadable = QueuedTask.objects.exclude(schema_version=outbox.SCHEMA_VERSION).filter(
        created_at__lt=timezone.now() - UNREADABLE_AFTER
    )
    moved = 0
    while runner.has_time() and (tasks := list(unreadable.order_by("pk")[: runner.batch_size])):
        for version in {task.schema_version for task in tasks}:
            ids = [task.task_id for task in tasks if task.schema_version == version]
            moved += outbox.move_to_dead_letters(ids, f"No relay reads schema version {version}.")
        runner.advance(len(tasks))
    return moved


def purge_heartbeats(runner: BatchRunner | None = None) -> int:
    """Of workers that are no more: each has a name of its own."""
    return delete_in_batches(Heartbeat.objects.filter(at__lt=timezone.now() - HEARTBEATS_KEPT), runner)


# ── Counters ─────────────────────────────────────────────────────────────────────────────────────────────
def repair_counters(runner: BatchRunner | None = None) -> int:
    """Recount every counter, from `runner.checkpoint` on; returns how many were wrong."""
    return sum(1 for _ in drifts(runner or BatchRunner()))


def drifts(runner: BatchRunner, *, only: str = "", dry_run: bool = False) -> Iterator[Drift]:
    """Recount every counter, or `only` one, from the checkpoint on, and yield each that was wrong. Those that are
    repaired, which a dry run does not do, are logged and counted."""
    begun, after = runner.checkpoint.get("counter", ""), runner.checkpoint.get("after")
    for counter in sorted(every_counter(), key=lambda counter: counter.label):
        if counter.label < begun or (only and counter.label != only):
            continue
        start = after if counter.label == begun else None
        for pk, shown, true in counter.repair(runner, after=start, dry_run=dry_run):
            if not dry_run:
                log.warning("counter_repaired", counter=counter.label, id=str(pk), shown=shown, true=true)
                DRIFT.labels(counter.label).inc()
            yield Drift(counter.label, pk, shown, true)
