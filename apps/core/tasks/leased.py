"""Jobs with a lease: each is worked on by one worker at a time, and found again when that worker dies.

The row is the record; a task only starts the work. A worker claims the row by a conditional UPDATE and finishes it
while it still owns the lease. The sweep (`enqueue_due`) enqueues the task again when the lease of a dead worker is
over, when the task was lost, or when a failed job is to be attempted again.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.db import Error, connection, models, transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from apps.core.db.batches import BATCH
from apps.core.tasks.outbox import enqueue

log = structlog.get_logger(__name__)
LEASE = timedelta(seconds=30)
RENEWED_EVERY = 10.0  # seconds
# When the sweep enqueues a new job's task again, if it was lost; and how often while it waits in a long queue.
FIRST_SWEEP = timedelta(seconds=30)
ENQUEUE_PERIOD = timedelta(seconds=60)


def first_sweep_at() -> datetime:
    """`next_attempt_at` of a new job, whose task is enqueued in the same transaction."""
    return timezone.now() + FIRST_SWEEP


class LeasedJobQuerySet(QuerySet[Any]):
    def due(self) -> "LeasedJobQuerySet":
        return self.filter(next_attempt_at__lte=timezone.now()).order_by("next_attempt_at")

    def claim(self, pk: Any, *, lease: timedelta = LEASE, **changes: Any) -> Any | None:
        """The job with a lease, one more attempt and `changes`; None if another worker has its lease, or if it is not
        among these."""
        now = timezone.now()
        until = now + lease
        free = self.filter(Q(leased_until=None) | Q(leased_until__lt=now), pk=pk)
        if not free.update(leased_until=until, next_attempt_at=until, attempts=F("attempts") + 1, **changes):
            return None
        return self.model._default_manager.filter(pk=pk, leased_until=until).first()

    def owned(self, job: "LeasedJob") -> "LeasedJobQuerySet":
        """The job, if its lease is still the one in `job`: no other ends at the same microsecond."""
        return self.filter(pk=job.pk, leased_until=job.leased_until)

    def renew(self, job: "LeasedJob", *, lease: timedelta = LEASE) -> bool:
        """Returns whether the lease was still owned."""
        until = timezone.now() + lease
        renewed = self.owned(job).update(leased_until=until, next_attempt_at=until)
        if renewed:
            job.leased_until = until
        return bool(renewed)

    def release(self, job: "LeasedJob", *, after: timedelta = timedelta(), **changes: Any) -> bool:
        """End the lease; the sweep enqueues the job again `after` that time. Returns whether it was still owned."""
        return bool(self.owned(job).update(leased_until=None, next_attempt_at=timezone.now() + after, **changes))

    def finish(self, job: "LeasedJob", **changes: Any) -> bool:
        """End the lease; there is nothing left to do. Returns whether it was still owned."""
        return bool(self.owned(job).update(leased_until=None, next_attempt_at=None, **changes))


class LeasedJob(models.Model):
    """Work that one worker does at a time. The default manager of a subclass has the methods of LeasedJobQuerySet."""

    attempts = models.PositiveSmallIntegerField(default=0)
    leased_until = models.DateTimeField(null=True)
    # When the sweep enqueues its task. Null: there is nothing to do.
    next_attempt_at = models.DateTimeField(null=True)

    class Meta:
        abstract = True


@contextmanager
def renewing_lease(job: LeasedJob) -> Iterator[None]:
    """Renew the lease in a thread while the block runs. Whether it was kept shows when the job is finished or released.

    So the lease may be short although the work takes long.
    """
    done = threading.Event()

    def renew() -> None:
        try:
            while not done.wait(RENEWED_EVERY) and _try_renew(job):
                pass
        finally:
            connection.close()

    thread = threading.Thread(target=renew, name="lease", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def _try_renew(job: LeasedJob) -> bool:
    """Returns False if the lease is lost. Without the database it may not be."""
    jobs: Any = type(job)._default_manager
    try:
        return bool(jobs.renew(job))
    except Error as error:
        log.warning("lease_not_renewed", job=str(job.pk), error=str(error).strip())
        connection.close()
        return True


def enqueue_due(jobs: LeasedJobQuerySet, *, task: str | Callable[[Any], list[str]], argument: str) -> int:
    """Enqueue the task of each of `jobs` that is due, with its id as `argument`. Returns the number of tasks.

    `task`: a name, or a function that returns the names for a job; one without a task is not due again.
    """
    number = 0
    while batch := _enqueue_batch(jobs, (lambda _: [task]) if isinstance(task, str) else task, argument):
        number += sum(batch)
    return number


@transaction.atomic
def _enqueue_batch(jobs: LeasedJobQuerySet, tasks_of: Callable[[Any], list[str]], argument: str) -> list[int]:
    """Returns the number of tasks of each job that was due."""
    batch = list(jobs.due().select_for_update(skip_locked=True)[:BATCH])
    tasks = {job.pk: tasks_of(job) for job in batch}
    for pk, names in tasks.items():
        for name in names:
            enqueue(name, kwargs={argument: str(pk)})
    rows = jobs.model._default_manager
    rows.filter(pk__in=[pk for pk, names in tasks.items() if not names]).update(next_attempt_at=None)
    rows.filter(pk__in=[pk for pk, names in tasks.items() if names]).update(
        next_attempt_at=timezone.now() + ENQUEUE_PERIOD
    )
    return [len(names) for names in tasks.values()]
