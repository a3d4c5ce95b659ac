"""The kernel's own housekeeping."""

from celery import shared_task

from apps.core.db.batches import Pace
from apps.core.tasks import heartbeats, housekeeping
from apps.core.tasks.scheduled import scheduled


@scheduled
def purge_idempotency_keys(*, pace: Pace, **_: object) -> int:
    return housekeeping.purge_idempotency_keys(pace)


@scheduled
def purge_rate_buckets(*, pace: Pace, **_: object) -> int:
    return housekeeping.purge_rate_buckets(pace)


@scheduled
def purge_outbox(*, pace: Pace, **_: object) -> int:
    return housekeeping.purge_outbox(pace)


@scheduled
def purge_heartbeats(*, pace: Pace, **_: object) -> int:
    return housekeeping.purge_heartbeats(pace)


@scheduled
def repair_counters(*, pace: Pace, **_: object) -> int:
    return housekeeping.repair_counters(pace)


@scheduled
def probe_queues(**_: object) -> int:
    heartbeats.probe_queues("apps.core.tasks.probe")
    return 0


@shared_task(name="apps.core.tasks.probe")
def probe(*, queue: str, **_: object) -> None:
    heartbeats.beat(f"queue:{queue}")
