"""What is to be done and is not done yet, queue by queue."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import structlog
from celery import current_app
from django.db import connection
from django.db.models import Count, F
from django.db.models.functions import Now
from django_celery_outbox.models import CeleryOutboxDeadLetter

from apps.core.models import Heartbeat
from apps.core.ops.metrics import MOST_COUNTED
from config.queues import QUEUES, queue_of

log = structlog.get_logger(__name__)
_WAITING = """
SELECT task_name, count(*), count(*) FILTER (WHERE retries > 1), extract(epoch FROM now() - min(created_at))
FROM (SELECT task_name, retries, created_at FROM celery_outbox ORDER BY id LIMIT %s) AS oldest
GROUP BY task_name
"""


@dataclass
class Backlog:
    """`depth`: tasks that are not done; `oldest`: the age in seconds of the first of them; `failing`: those of them
    that have been tried in vain."""

    depth: int = 0
    oldest: float = 0.0
    failing: int = 0


def by_queue() -> dict[str, Backlog]:
    """One statement, over the oldest MOST_COUNTED rows of the outbox."""
    backlogs = {queue: Backlog() for queue in QUEUES}
    with connection.cursor() as cursor:
        cursor.execute(_WAITING, [MOST_COUNTED])
        for task_name, depth, failing, age in cursor.fetchall():
            backlog = backlogs[queue_of(task_name)]
            backlog.depth += depth
            backlog.failing += failing
            backlog.oldest = max(backlog.oldest, float(age))
    return backlogs


def dead_letters() -> dict[str, int]:
    """How many tasks were given up, by queue. All of them are counted, so it is for people who look and for no
    metric."""
    numbers = dict.fromkeys(QUEUES, 0)
    for letters in CeleryOutboxDeadLetter.objects.values("task_name").annotate(number=Count("pk")):
        numbers[queue_of(letters["task_name"])] += letters["number"]
    return numbers


def in_broker(queues: Iterable[str], *, patience: float = 2.0) -> dict[str, int] | None:
    """Messages that wait in each queue, by the broker's own account. None when it does not answer in `patience`
    seconds."""
    options = current_app.conf.broker_transport_options | {
        "socket_timeout": patience,
        "socket_connect_timeout": patience,
    }
    try:
        with current_app.connection_for_read(transport_options=options, connect_timeout=patience) as broker:
            return {queue: _messages(broker, queue) for queue in queues}
    except Exception as error:  # of whichever client library the broker has
        log.warning("broker_does_not_answer", error=str(error))
        return None


def _messages(broker: Any, queue: str) -> int:
    """An empty list is no key in Redis, and an unused queue may not have been declared: none waits there."""
    with broker.channel() as channel:
        try:
            return int(channel.queue_declare(queue, passive=True).message_count)
        except broker.channel_errors:
            return 0


def pulses() -> dict[str, timedelta]:
    """{name: since its last sign of life}"""
    return dict(Heartbeat.objects.annotate(silence=Now() - F("at")).order_by("name").values_list("name", "silence"))
