"""The kernel's own housekeeping."""

from celery import shared_task

from apps.core import housekeeping


@shared_task
def purge_idempotency_keys(**_: object) -> None:
    housekeeping.purge_idempotency_keys()


@shared_task
def purge_rate_buckets(**_: object) -> None:
    housekeeping.purge_rate_buckets()


@shared_task
def repair_counters(**_: object) -> None:
    housekeeping.repair_counters()
