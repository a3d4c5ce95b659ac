"""Metrics of notifications that have not been delivered by push or mail yet."""

from django.db.models import Min, QuerySet
from django.utils import timezone

from apps.core.ops import metrics
from apps.core.ops.metrics import MOST_COUNTED, Values
from apps.notifications.models import Channel, Delivery


def register() -> None:
    metrics.gauge(
        "photogram_deliveries_waiting", "Deliveries by push or mail that are pending.", ["channel"], count_pending
    )
    metrics.gauge(
        "photogram_deliveries_oldest_seconds",
        "Age in seconds of the oldest pending delivery.",
        ["channel"],
        get_oldest_age,
    )


def count_pending() -> Values:
    """{channel: pending deliveries}, counted up to MOST_COUNTED."""
    return {(channel,): _pending(channel)[:MOST_COUNTED].count() for channel in Channel.values}


def get_oldest_age() -> Values:
    """{channel: seconds}, 0 for a channel without pending deliveries."""
    now = timezone.now()
    oldest = {
        channel: _pending(channel)[:MOST_COUNTED].aggregate(first=Min("created_at"))["first"]
        for channel in Channel.values
    }
    return {(channel,): (now - since).total_seconds() if since else 0.0 for channel, since in oldest.items()}


def _pending(channel: str) -> QuerySet[Delivery]:
    """By the partial index of pending deliveries."""
    return Delivery.objects.filter(status=Delivery.Status.PENDING, channel=channel)
