"""The kernel's own housekeeping."""

from apps.core import housekeeping
from apps.core.batches import Pace
from apps.core.scheduled import scheduled


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
def repair_counters(*, pace: Pace, **_: object) -> int:
    return housekeeping.repair_counters(pace)
