"""Notifications that have not reached the device or the mailbox yet."""

from apps.core.ops import metrics
from apps.core.ops.metrics import MOST_COUNTED
from apps.notifications.models import Channel

# By the index on what is pending.
_WAITING = """
SELECT channel, count(*)
FROM (SELECT channel FROM notifications_delivery WHERE status = 'pending' LIMIT %s) AS bounded
GROUP BY channel
"""
_OLDEST = """
SELECT channel, extract(epoch FROM now() - min(created_at))
FROM (SELECT channel, created_at FROM notifications_delivery WHERE status = 'pending' LIMIT %s) AS bounded
GROUP BY channel
"""


def register() -> None:
    metrics.gauge(
        "photogram_deliveries_waiting",
        "Deliveries by push or mail that are still to be made.",
        ["channel"],
        lambda: metrics.select_each(Channel.values, _WAITING, MOST_COUNTED),
    )
    metrics.gauge(
        "photogram_deliveries_oldest_seconds",
        "Age of the oldest of them.",
        ["channel"],
        lambda: metrics.select_each(Channel.values, _OLDEST, MOST_COUNTED),
    )
