"""The outbox: a task is a row, written in the transaction of the change, and stays one until it is done.

The relay (`relay.py`) announces rows to the broker. A worker (`base.py`) takes a lease on the row before an attempt and
deletes the row when the task is done. So nothing is lost with the broker, a worker or the relay: a task that was
announced and is not done when its lease is over is announced again, and one that failed TASK_TRIES times becomes a dead
letter. A task may run twice; a message whose row has gone is a duplicate.
"""

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from django.conf import settings
from django.db import transaction
from django.db.models import DateTimeField, DurationField, ExpressionWrapper, F, Value
from django.db.models.functions import Greatest, Least, Now
from django.utils import timezone

from apps.core.models import DeadLetter, QueuedTask, TaskRecord
from apps.core.tasks import propagation
from apps.core.text import hide_emails

SCHEMA_VERSION = 1


# ── In the transaction of the change ─────────────────────────────────────────────────────────────────────
def enqueue(
    name: str,
    args: Sequence[Any] | None = None,
    kwargs: Mapping[str, Any] | None = None,
    *,
    task_id: str = "",
    queue: str = "",
    expires: datetime | float | None = None,
) -> str:
    """Write the row of the task `name`; it runs after the commit. Returns the task's id.

    `queue`: another than the one its name is routed to. `expires`: a date and time, or seconds from now; after that the
    task is dropped instead of announced.
    """
    if isinstance(expires, int | float):
        # A fixed time, so that announcing it again grants no more of it.
        expires = timezone.now() + timedelta(seconds=expires)
    options = {"queue": queue, "expires": expires.isoformat() if expires else None}
    task = QueuedTask(
        task_id=task_id or str(uuid4()),
        task_name=name,
        args=list(args or ()),
        kwargs=dict(kwargs or {}),
        options={option: value for option, value in options.items() if value},
        context=json.dumps(propagation.carried()) if propagation.carried() else None,
        schema_version=SCHEMA_VERSION,
    )
    batch_rows = _batch.get()
    if batch_rows is None:
        task.save(force_insert=True)
    else:
        batch_rows.append(task)
    return task.task_id


# The tasks of the present block of `batch()`.
_batch: ContextVar[list[QueuedTask] | None] = ContextVar("task_batch", default=None)


@contextmanager
def batch() -> Iterator[None]:
    """Write the tasks that are enqueued in this block by one statement at its end, which is inside the transaction. A
    block within another one does nothing by itself."""
    if _batch.get() is not None:
        yield
        return
    tasks: list[QueuedTask] = []
    token = _batch.set(tasks)
    try:
        yield
    finally:
        _batch.reset(token)
    QueuedTask.objects.bulk_create(tasks)


# ── In a worker ──────────────────────────────────────────────────────────────────────────────────────────
@transaction.atomic
def begin_attempt(task_id: str, *, lease: timedelta) -> int | None:
    """Record that an attempt begins, and that no other is due before `lease` is over.

    Returns the number of the attempt, from 1 on; None if the task is done or has no attempts left.
    """
    rows = QueuedTask.objects.filter(task_id=task_id, attempts__lt=settings.TASK_TRIES)
    task = rows.select_for_update().first()
    if task is None:
        return None
    number = task.attempts + 1
    QueuedTask.objects.filter(pk=task.pk).update(
        attempts=number, announced_at=Now(), next_attempt_at=_from_now(Value(lease))
    )
    return number


def finish(task_id: str) -> None:
    """The task is done. It may have become a dead letter meanwhile, if the attempt took very long."""
    if not QueuedTask.objects.filter(task_id=task_id).delete()[0]:
        DeadLetter.objects.filter(task_id=task_id).delete()


def reschedule(task_ids: Collection[str], *, after: timedelta) -> None:
    """Announce the tasks again when `after` is over."""
    QueuedTask.objects.filter(task_id__in=task_ids).update(next_attempt_at=_from_now(Value(after)))


@transaction.atomic
def move_to_dead_letters(task_ids: Collection[str], reason: str) -> int:
    """Attempt the tasks no more by themselves; an operator decides on them. Returns how many there were."""
    tasks = list(QueuedTask.objects.select_for_update().filter(task_id__in=task_ids).order_by("pk"))
    DeadLetter.objects.bulk_create(
        DeadLetter(failure_reason=hide_emails(reason)[:2000], **_record(task)) for task in tasks
    )
    QueuedTask.objects.filter(pk__in=[task.pk for task in tasks]).delete()
    return len(tasks)


@transaction.atomic
def replay(letters: Sequence[DeadLetter]) -> int:
    """Put dead letters back into the outbox, with all their attempts before them. Returns how many there were."""
    QueuedTask.objects.bulk_create(
        QueuedTask(**_record(letter) | {"attempts": 0, "created_at": Now()}) for letter in letters
    )
    DeadLetter.objects.filter(pk__in=[letter.pk for letter in letters]).delete()
    return len(letters)


def _record(row: TaskRecord) -> dict[str, Any]:
    """The fields that both tables have."""
    return {field.name: getattr(row, field.name) for field in TaskRecord._meta.fields}


# ── In the relay ─────────────────────────────────────────────────────────────────────────────────────────
def claim_due(limit: int) -> list[QueuedTask]:
    """Tasks to announce now, locked until the end of the transaction: due ones, then new ones, each by an index.

    Rows that another relay has locked are skipped, and so are those that a later release wrote in a version of its own.
    """
    unlocked = QueuedTask.objects.select_for_update(skip_locked=True).filter(schema_version=SCHEMA_VERSION)
    due = list(unlocked.filter(next_attempt_at__lte=Now()).order_by("next_attempt_at", "id")[: limit // 2])
    new = list(unlocked.filter(announced_at__isnull=True).order_by("id")[: limit - len(due)])
    return [*due, *new]


def drop_expired(tasks: Sequence[QueuedTask]) -> list[QueuedTask]:
    """Delete those that have expired. Returns the others."""
    expired = [task.pk for task in tasks if is_expired(task)]
    if expired:
        QueuedTask.objects.filter(pk__in=expired).delete()
    return [task for task in tasks if task.pk not in expired]


def is_expired(task: QueuedTask) -> bool:
    """A scheduled job, for example, is of no use once the next run is due. Malformed options do not expire: the relay
    reports them when it announces the task, and must not fail for the others."""
    try:
        return datetime.fromisoformat(task.options["expires"]) < timezone.now()
    except (LookupError, TypeError, ValueError):
        return False


def mark_announced(tasks: Sequence[QueuedTask]) -> None:
    """Each is announced again if it has not begun within a lease. The lease grows with the age of the task, since a
    task that waits in a long queue is not lost, and announcing it again makes the queue no shorter."""
    age = ExpressionWrapper(Now() - F("created_at"), output_field=DurationField())
    lease = Least(Greatest(age, Value(settings.TASK_LEASE)), Value(settings.TASK_LONGEST_LEASE))
    rows = QueuedTask.objects.filter(pk__in=[task.pk for task in tasks])
    rows.update(announced_at=Now(), next_attempt_at=_from_now(lease))


def _from_now(duration: Any) -> "ExpressionWrapper[Any]":
    """By the clock of the database, which all processes share."""
    return ExpressionWrapper(Now() + duration, output_field=DateTimeField())
