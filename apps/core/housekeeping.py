"""Rows of the kernel that have outlived their use, and counters that have drifted."""

from datetime import timedelta

import structlog
from django.utils import timezone
from prometheus_client import Counter

from apps.core.batches import delete_in_batches
from apps.core.counters import every_counter
from apps.core.models import IdempotencyKey, RateBucket

log = structlog.get_logger(__name__)
DRIFT = Counter("photogram_counter_drift_total", "Counters found wrong and repaired.", ["counter"])
IDEMPOTENCY_KEYS_KEPT = timedelta(hours=24)


def purge_idempotency_keys() -> int:
    return delete_in_batches(IdempotencyKey.objects.filter(created_at__lt=timezone.now() - IDEMPOTENCY_KEYS_KEPT))


def purge_rate_buckets() -> int:
    return delete_in_batches(RateBucket.objects.filter(expires_at__lt=timezone.now()))


def repair_counters() -> int:
    """Recount every counter; returns how many were wrong, each of which is logged and counted."""
    repaired = 0
    for counter in every_counter():
        for pk, shown, true in counter.repair():
            log.warning("counter_repaired", counter=counter.label, id=str(pk), shown=shown, true=true)
            DRIFT.labels(counter.label).inc()
            repaired += 1
    return repaired
