"""The kernel's own housekeeping."""

from celery import shared_task

from apps.core.db import derived
from apps.core.db.batches import BatchRunner
from apps.core.tasks import heartbeats, housekeeping
from apps.core.tasks.scheduled import scheduled


@scheduled
def purge_idempotency_keys(*, runner: BatchRunner, **_: object) -> int:
    return housekeeping.purge_idempotency_keys(runner)


@scheduled
def purge_rate_buckets(*, runner: BatchRunner, **_: object) -> int:
    return housekeeping.purge_rate_buckets(runner)


@scheduled
def purge_outbox(*, runner: BatchRunner, **_: object) -> int:
    return housekeeping.purge_outbox(runner)


@scheduled
def purge_heartbeats(*, runner: BatchRunner, **_: object) -> int:
    return housekeeping.purge_heartbeats(runner)


@scheduled
def repair_counters(*, runner: BatchRunner, **_: object) -> int:
    return housekeeping.repair_counters(runner)


@scheduled
def repair_search(*, runner: BatchRunner, **_: object) -> int:
    return sum(1 for _ in derived.repair(runner))


@scheduled
def probe_queues(**_: object) -> int:
    heartbeats.probe_queues("apps.core.tasks.probe")
    return 0


@shared_task(name="apps.core.tasks.probe")
def probe(*, queue: str, **_: object) -> None:
    heartbeats.beat(f"queue:{queue}")
