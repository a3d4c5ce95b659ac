"""The tasks that are not done yet, by queue."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import structlog
from celery import current_app
from django.conf import settings
from django.db.models import Count, F, Min, Q, QuerySet
from django.db.models.functions import Now

from apps.core.models import DeadLetter, Heartbeat, QueuedTask
from apps.core.ops.availability import AvailabilityLog
from apps.core.ops.metrics import MOST_COUNTED
from apps.core.tasks.queues import queue_of

log = structlog.get_logger(__name__)
_broker_log = AvailabilityLog(log, unavailable="broker_does_not_answer", recovered="broker_answers")


@dataclass
class Backlog:
    """`depth`: tasks that are not done; `oldest`: the age in seconds of the first of them; `failing`: those of them
    that have failed and will be retried."""

    depth: int = 0
    oldest: float = 0.0
    failing: int = 0


def by_task() -> "QuerySet[QueuedTask, Any]":
    """`depth`, `failing` and the `age` of the oldest by `task_name`, of the oldest MOST_COUNTED rows of the outbox."""
    oldest = QueuedTask.objects.order_by("pk").values("pk")[:MOST_COUNTED]
    return (
        QueuedTask.objects.filter(pk__in=oldest)
        .values("task_name")
        .annotate(depth=Count("pk"), failing=Count("pk", filter=Q(attempts__gt=1)), age=Now() - Min("created_at"))
    )


def by_queue() -> dict[str, Backlog]:
    backlogs = {queue: Backlog() for queue in settings.QUEUES}
    for tasks in by_task():
        backlog = backlogs[queue_of(tasks["task_name"])]
        backlog.depth += tasks["depth"]
        backlog.failing += tasks["failing"]
        backlog.oldest = max(backlog.oldest, tasks["age"].total_seconds())
    return backlogs


def dead_letters() -> dict[str, int]:
    """The number of dead letters by queue. All rows are counted, so it is for commands and not for metrics."""
    numbers = dict.fromkeys(settings.QUEUES, 0)
    for letters in DeadLetter.objects.values("task_name").annotate(number=Count("pk")):
        numbers[queue_of(letters["task_name"])] += letters["number"]
    return numbers


def in_broker(queues: Iterable[str], *, timeout: float = 2.0) -> dict[str, int] | None:
    """The messages in each queue, as the broker counts them. None if it does not answer in `timeout` seconds."""
    options = current_app.conf.broker_transport_options | {
        "socket_timeout": timeout,
        "socket_connect_timeout": timeout,
    }
    try:
        with current_app.connection_for_read(transport_options=options, connect_timeout=timeout) as broker:
            messages = {queue: _messages(broker, queue) for queue in queues}
    except Exception as error:  # of whichever client library the broker has
        _broker_log.record_failure(error=str(error))
        return None
    _broker_log.record_answer()
    return messages


def _messages(broker: Any, queue: str) -> int:
    """An empty list is no key in Redis, and an unused queue may not have been declared: none waits there."""
    with broker.channel() as channel:
        try:
            return int(channel.queue_declare(queue, passive=True).message_count)
        except broker.channel_errors:
            return 0


def pulses() -> dict[str, timedelta]:
    """{name: the time since its last heartbeat}"""
    return dict(Heartbeat.objects.annotate(silence=Now() - F("at")).order_by("name").values_list("name", "silence"))
