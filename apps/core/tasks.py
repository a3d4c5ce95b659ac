"""The kernel's own housekeeping."""

from celery import shared_task

from apps.core import heartbeats, housekeeping


@shared_task
def purge_idempotency_keys(**_: object) -> None:
    housekeeping.purge_idempotency_keys()


@shared_task
def purge_rate_buckets(**_: object) -> None:
    housekeeping.purge_rate_buckets()


@shared_task
def repair_counters(**_: object) -> None:
    housekeeping.repair_counters()


@shared_task
def probe_queues(**_: object) -> None:
    heartbeats.probe_queues("apps.core.tasks.probe")


@shared_task
def probe(*, queue: str, **_: object) -> None:
    heartbeats.beat(f"queue:{queue}")
