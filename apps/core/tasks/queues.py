"""Which queue a task goes to, and how long it may take there (`config/queues.py`)."""

from typing import Any

from celery import current_app
from django.conf import settings


def queue_of(task_name: str) -> str:
    """The queue that Celery routes the task to."""
    return str(current_app.amqp.router.route({}, task_name)["queue"].name)


class TimeLimits:
    """An annotation of Celery's: a task without time limits of its own has those of its queue."""

    def annotate(self, task: Any) -> dict[str, int]:
        kind = settings.QUEUES[queue_of(task.name)]
        return {} if task.time_limit else {"soft_time_limit": kind.soft_limit, "time_limit": kind.hard_limit}
