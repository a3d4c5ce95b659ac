"""Jobs that take long: one worker's at a time, and found again when it dies.

The row is the record, the task a doorbell. A job is claimed by a conditional UPDATE with a lease and finished while the
lease is still good. A thread renews it as long as the worker lives, so that it is short although the work is long:
what a killed worker held is rung for again within LEASE and the period of the sweep.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, TypeVar
from uuid import UUID

import structlog
from django.db import Error, connection, transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from apps.accounts.models import Job
from apps.core.db.batches import BATCH
from apps.core.tasks.outbox import enqueue

log = structlog.get_logger(__name__)
J = TypeVar("J", bound=Job)
LEASE = timedelta(seconds=30)
RENEWED_EVERY = 10.0  # seconds
# What was rung for and waits in a long queue is rung for again only so often.
RING_PERIOD = timedelta(seconds=60)


def claim(jobs: QuerySet[J], pk: UUID, **changes: Any) -> J | None:
    """The job with a lease of ours, and `changes`; None when it is not among `jobs` or in somebody else's hands."""
    now = timezone.now()
    lease = now + LEASE
    free = jobs.filter(Q(leased_until=None) | Q(leased_until__lt=now), pk=pk)
    taken = free.update(leased_until=lease, ring_at=lease, attempts=F("attempts") + 1, **changes)
    return jobs.model._base_manager.filter(pk=pk, leased_until=lease).first() if taken else None


def held(job: J) -> QuerySet[J]:
    """The job, if its lease is still ours; no other ends at that microsecond."""
    return type(job)._base_manager.filter(pk=job.pk, leased_until=job.leased_until)


def give_back(job: Job, *, after: timedelta = timedelta(), **changes: Any) -> bool:
    """Release the lease; the sweep rings again when the time has come."""
    return bool(held(job).update(leased_until=None, ring_at=timezone.now() + after, **changes))


@contextmanager
def kept(job: Job) -> Iterator[None]:
    """Renew the lease while the block runs. Whether it could be is seen when the job is finished or given back."""
    done = threading.Event()

    def renew() -> None:
        try:
            while not done.wait(RENEWED_EVERY) and _renew(job):
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


def _renew(job: Job) -> bool:
    """False when there is nothing to renew any more."""
    lease = timezone.now() + LEASE
    try:
        renewed = held(job).update(leased_until=lease, ring_at=lease)
    except Error as error:
        log.warning("lease_not_renewed", job=str(job.pk), error=str(error).strip())
        connection.close()
        return True
    if renewed:
        job.leased_until = lease
    return bool(renewed)


@transaction.atomic
def ring(jobs: QuerySet[J], *, task: str, argument: str) -> int:
    """Ring for those of `jobs` whose time has come: their doorbell was lost, their worker died, or they were to be
    tried again later. Returns for how many."""
    now = timezone.now()
    due = jobs.filter(ring_at__lte=now).order_by("ring_at")
    pks = [job.pk for job in due.select_for_update(skip_locked=True)[:BATCH]]
    for pk in pks:
        enqueue(task, kwargs={argument: str(pk)})
    jobs.filter(pk__in=pks).update(ring_at=now + RING_PERIOD)
    return len(pks)
