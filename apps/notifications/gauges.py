"""Notifications that have not reached the device or the mailbox yet."""

from apps.core import metrics
from apps.notifications.models import Channel

# By the index on what is pending.
_WAITING = """
SELECT channel, count(*)
FROM (SELECT channel FROM notifications_delivery WHERE status = 'pending' LIMIT 100000) AS bounded
GROUP BY channel
"""
_OLDEST = """
SELECT channel, extract(epoch FROM now() - min(created_at))
FROM (SELECT channel, created_at FROM notifications_delivery WHERE status = 'pending' LIMIT 100000) AS bounded
GROUP BY channel
"""


def _by_channel(statement: str) -> metrics.Values:
    return {(channel,): 0.0 for channel in Channel.values} | metrics.select(statement)


def register() -> None:
    metrics.gauge(
        "photogram_deliveries_waiting",
        "Deliveries by push or mail that are still to be made.",
        ["channel"],
        lambda: _by_channel(_WAITING),
    )
    metrics.gauge(
        "photogram_deliveries_oldest_seconds",
        "Age of the oldest of them.",
        ["channel"],
        lambda: _by_channel(_OLDEST),
    )
