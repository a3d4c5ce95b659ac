"""Scheduled jobs: one run at a time, in slices, with a record of what they did.

    @scheduled
    def purge_sessions(*, runner: BatchRunner, **_: object) -> int:
        return housekeeping.purge_sessions(runner)

A job returns the number of rows that it repaired or deleted. When its slice of time is over it stops, and its task is
enqueued again behind the tasks that wait by then, until it is done: so urgent jobs never wait for long ones. It
continues from `runner.checkpoint`, which is saved with every batch, so a killed run loses only its last batch.

A job may divide itself into parts, which are the same task with arguments: they run side by side, and their results are
added up in the round.
"""

import functools
import time
from collections.abc import Callable
from typing import Any

import structlog
from celery import shared_task
from django.conf import settings
from django.db import Error
from django.db.models import F
from django.utils import timezone

from apps.core.db.batches import BatchRunner, Checkpoint
from apps.core.db.locks import only_one
from apps.core.models import JobRun
from apps.core.tasks.outbox import enqueue

log = structlog.get_logger(__name__)
# Seconds. Shorter than the lease of a task, and than the time that an urgent job may wait.
SLICE = 20.0


def scheduled(work: Callable[..., int]) -> Any:
    """The Celery task of a job of `config/schedule.py`. `work` takes `runner` and returns how many rows it changed."""
    # The tasks of this package are named as if they were in `apps/core/tasks.py`, like those of every other app.
    name = f"{work.__module__.removesuffix('.jobs')}.{work.__name__}"

    @functools.wraps(work)
    def job(*, goes_on: bool = False, **part: Any) -> int:
        with only_one(f"{name}{sorted(part.items()) if part else ''}") as first:
            return _run(name, work, goes_on=goes_on, part=part) if first else 0

    return shared_task(name=name)(job)


def former_name(name: str, job: Any) -> None:
    """Register `job` under the name that the release before this one has queued it by."""

    def run(**arguments: Any) -> int:
        fixed: int = job.run(**arguments)
        return fixed

    shared_task(name=name)(run)


def _run(name: str, work: Callable[..., int], *, goes_on: bool, part: dict[str, Any]) -> int:
    run, _ = JobRun.objects.get_or_create(name=name)
    if goes_on and not run.unfinished:
        return 0
    if not part:
        _begin(run)
    runner = BatchRunner(
        rows_per_second=settings.MAINTENANCE_ROWS_PER_SECOND,
        seconds=SLICE,
        checkpoint=run.checkpoint,
        on_progress=lambda _, checkpoint: _save(run, checkpoint),
    )
    started = time.monotonic()
    try:
        fixed = work(runner=runner, **part)
    except Exception as error:
        log.error("job_failed", job=name, error=repr(error), **part)
        _fail(run, error)
        raise
    seconds = time.monotonic() - started
    _finish(run, fixed=fixed, seconds=seconds, unfinished=runner.stopped)
    if fixed:
        log.info("job_done", job=name, fixed=fixed, seconds=round(seconds, 3), **part)
    if runner.stopped:
        enqueue(name, kwargs={**part, "goes_on": True})
    return fixed


def _begin(run: JobRun) -> None:
    """Begin a new round, unless the last one is unfinished."""
    changes: dict[str, Any] = {"started_at": timezone.now()}
    if not run.unfinished:
        changes |= {"fixed": 0, "seconds": 0, "error": ""}
    JobRun.objects.filter(pk=run.pk).update(**changes)


def _save(run: JobRun, checkpoint: Checkpoint) -> None:
    if checkpoint != run.checkpoint:
        run.checkpoint = checkpoint
        JobRun.objects.filter(pk=run.pk).update(checkpoint=checkpoint, unfinished=True)


def _fail(run: JobRun, error: Exception) -> None:
    """Save the error. The caller raises it, even if the database is unavailable."""
    try:
        JobRun.objects.filter(pk=run.pk).update(error=repr(error)[:300])
    except Error as lost:
        log.warning("job_error_not_saved", job=run.name, error=repr(lost))


def _finish(run: JobRun, *, fixed: int, seconds: float, unfinished: bool) -> None:
    changes: dict[str, Any] = {"unfinished": unfinished}
    if not unfinished:
        changes |= {"succeeded_at": timezone.now(), "checkpoint": {}}
    JobRun.objects.filter(pk=run.pk).update(
        fixed=F("fixed") + fixed, fixed_total=F("fixed_total") + fixed, seconds=F("seconds") + seconds, **changes
    )
