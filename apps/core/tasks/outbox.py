"""The outbox: what is to follow from a deed is a row in the deed's transaction, and stays one until it is done.

The relay (`relay.py`) announces rows to the broker; a worker (`doorbells.py`) takes a lease on the row before it begins
and removes the row when it is done. So nothing is lost with the broker, a worker or the relay: what was announced and
is not done when its lease is over is announced again, and what failed TASK_TRIES times becomes a dead letter. A task
may run twice; a message whose row has gone is a duplicate.

The rows are django-celery-outbox's: `retries` counts the tries that have begun, `retry_after` is when the row is
announced (again), `updated_at` is null until it was announced for the first time.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import orjson
from django.conf import settings
from django.db import connection, transaction
from django.db.models.functions import Now
from django.utils import timezone
from django_celery_outbox.models import CeleryOutbox, CeleryOutboxDeadLetter
from django_celery_outbox.serialization import CURRENT_SCHEMA_VERSION, MIN_SUPPORTED_VERSION, serialize_options
from django_celery_outbox.structlog_utils import get_structlog_context_json

from apps.core.db.statements import select

# Stands for an id in tasks that are held. No request can have it in its id.
MEANT = "<meant>"
# What Celery's own `delay` passes along for a task that goes to the broker at once.
_FOR_THE_BROKER = {"producer", "connection", "result_cls", "publisher", "add_to_parent", "reply_to", "task_type"}
READABLE = (MIN_SUPPORTED_VERSION, CURRENT_SCHEMA_VERSION)

_BEGIN = """
UPDATE celery_outbox SET retries = retries + 1, updated_at = now(), retry_after = now() + make_interval(secs => %s)
WHERE task_id = %s AND retries < %s RETURNING retries
"""
_ANNOUNCED = """
UPDATE celery_outbox SET updated_at = now(),
    retry_after = now() + least(greatest(make_interval(secs => %s), now() - created_at), make_interval(secs => %s))
WHERE id = ANY(%s)
"""
_INSERT = f"""
    INSERT INTO celery_outbox
        (created_at, retries, task_id, task_name, args, kwargs, options, structlog_context, schema_version)
    SELECT clock_timestamp(), 0, task_id, task_name, args, kwargs, options, structlog_context, {CURRENT_SCHEMA_VERSION}
    FROM json_to_recordset({{tasks}}) AS told
        (task_id text, task_name text, args jsonb, kwargs jsonb, options jsonb, structlog_context text)
"""  # noqa: S608  (of constants)
_WRITE = f"WITH written AS ({_INSERT.format(tasks='%(tasks)s')} RETURNING id) SELECT count(*) FROM written"  # noqa: S608
_gathered: ContextVar[list[dict[str, Any]] | None] = ContextVar("gathered_tasks", default=None)


# ── In the deed's transaction ────────────────────────────────────────────────────────────────────────────
def kept(options: dict[str, Any]) -> dict[str, Any]:
    """What is kept of a task's options with its row, as the library writes them."""
    return serialize_options({key: value for key, value in options.items() if value and key not in _FOR_THE_BROKER})


def write(name: str, args: Any, kwargs: Any, options: dict[str, Any], *, task_id: str = "") -> str:
    """The row of a task that is to follow; with others, where they are being gathered. Of its options what is `kept`.
    Returns its id."""
    task_id = task_id or str(uuid4())
    row = {
        "task_id": task_id,
        "task_name": name,
        "args": list(args or ()),
        "kwargs": dict(kwargs or {}),
        "options": options,
    }
    gathered = _gathered.get()
    if gathered is None:
        _write([row])
    else:
        gathered.append(row)
    return task_id


@contextmanager
def gathering() -> Iterator[None]:
    """All tasks that follow from one fact, or from a verb that tells several, are written by one statement, at the end
    of the outermost block."""
    if _gathered.get() is not None:
        yield
        return
    with _gathered_apart() as rows:
        yield
    if rows:
        _write(rows)


@contextmanager
def _gathered_apart() -> Iterator[list[dict[str, Any]]]:
    rows: list[dict[str, Any]] = []
    token = _gathered.set(rows)
    try:
        yield rows
    finally:
        _gathered.reset(token)


def held(tell: Callable[[], None]) -> str:
    """The tasks that `tell` makes follow, not written yet: for a statement that writes them with what they follow from
    (`writing`)."""
    with _gathered_apart() as rows:
        tell()
    return _as_json(rows)


def is_held() -> bool:
    """Whether what follows is being gathered, for `held` or for a fact."""
    return _gathered.get() is not None


def writing(tasks: str, *, given: str, meant: str = "") -> str:
    """SQL that writes the tasks held in the placeholder `tasks`, given that the part `given` of the same statement has
    a row. `meant`: SQL for the id that only the statement will know; the tasks have `MEANT` in its place."""
    known = f"replace(%({tasks})s, '{MEANT}', ({meant})::text)::json" if meant else f"%({tasks})s"
    return _INSERT.format(tasks=known) + f"WHERE EXISTS (SELECT 1 FROM {given})"  # noqa: S608  (of constants)


def _write(rows: list[dict[str, Any]]) -> None:
    select(_WRITE, tasks=_as_json(rows))


def _as_json(rows: list[dict[str, Any]]) -> str:
    """Each with the request, or the task, that it follows from."""
    context = get_structlog_context_json()
    return orjson.dumps([row | {"structlog_context": context} for row in rows]).decode()


# ── In a worker ──────────────────────────────────────────────────────────────────────────────────────────
def begin(task_id: str, *, lease: timedelta) -> int | None:
    """Note that a try begins, which nobody need repeat before `lease` is over. Which try it is, from 1 on; None when
    the task is done already, or has been tried often enough."""
    with connection.cursor() as cursor:
        cursor.execute(_BEGIN, [lease.total_seconds(), task_id, settings.TASK_TRIES])
        row = cursor.fetchone()
    return int(row[0]) if row else None


def done(task_id: str) -> None:
    """Nothing is left to do; also when the last try took so long that it had been given up meanwhile."""
    if not CeleryOutbox.objects.filter(task_id=task_id).delete()[0]:
        CeleryOutboxDeadLetter.objects.filter(task_id=task_id).delete()


def postpone(task_id: str, pause: timedelta) -> None:
    """It has failed for now: announce it again when the pause is over."""
    CeleryOutbox.objects.filter(task_id=task_id).update(retry_after=Now() + pause)


@transaction.atomic
def bury(task_id: str, reason: str) -> None:
    """It is not tried any more by itself: a dead letter, for an operator to look at."""
    row = CeleryOutbox.objects.select_for_update().filter(task_id=task_id).first()
    if row is None:
        return
    dead_letter(row, reason).save(force_insert=True)
    row.delete()


def dead_letter(row: CeleryOutbox, reason: str) -> CeleryOutboxDeadLetter:
    """What is kept of the row, not yet saved: every column that both tables have, redacted arguments among them."""
    kept = [field.attname for field in CeleryOutboxDeadLetter._meta.concrete_fields if not field.primary_key]
    columns = {name: getattr(row, name) for name in kept if hasattr(row, name)}
    return CeleryOutboxDeadLetter(failure_reason=reason[:2000], **columns)


# ── In the relay ─────────────────────────────────────────────────────────────────────────────────────────
def is_late(row: CeleryOutbox) -> bool:
    """Whether nobody wants it done any more: jobs of the clock are worth nothing once the next one is due."""
    expires = row.options.get("expires")
    return expires is not None and datetime.fromisoformat(expires) < timezone.now()


def mark_announced(rows: list[CeleryOutbox]) -> None:
    """Each is to be heard of within a lease. It doubles each time, since a row that waits in a long queue is not lost,
    and announcing it again makes the queue no shorter."""
    with connection.cursor() as cursor:
        shortest, longest = settings.TASK_LEASE.total_seconds(), settings.TASK_LONGEST_LEASE.total_seconds()
        cursor.execute(_ANNOUNCED, [shortest, longest, [row.pk for row in rows]])


def forget_late(rows: list[CeleryOutbox]) -> list[CeleryOutbox]:
    """Remove those that are late; the others."""
    CeleryOutbox.objects.filter(pk__in=[row.pk for row in rows if is_late(row)]).delete()
    return [row for row in rows if not is_late(row)]


def claim_due(limit: int) -> list[CeleryOutbox]:
    """Rows to announce now, locked, each by an index of its own: those whose time has come (again) and then new ones.
    What another relay has locked is skipped, and so is what a later release has written in a shape of its own."""
    locked = CeleryOutbox.objects.select_for_update(skip_locked=True).filter(schema_version__range=READABLE)
    due = list(locked.filter(retry_after__lte=Now()).order_by("retry_after", "id")[: limit // 2])
    new = list(locked.filter(updated_at__isnull=True).order_by("id")[: limit - len(due)])
    return [*due, *new]
