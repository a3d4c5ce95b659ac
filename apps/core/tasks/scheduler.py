"""The scheduler: Celery beat with the schedule in the database, which needs no broker and sends heartbeats.

Two of them side by side do no harm: a scheduled job is locked while it runs, and finds nothing to do twice.
"""

from typing import Any

from django.db import close_old_connections
from django_celery_beat.schedulers import DatabaseScheduler

from apps.core.tasks import heartbeats
from apps.core.tasks.outbox import enqueue


class Scheduler(DatabaseScheduler):  # type: ignore[misc]  # untyped
    # Tasks go through the outbox. Celery's producer would connect to the broker here, and wait while it is unavailable.
    producer = None

    def send_task(self, name: str, args: Any = None, kwargs: Any = None, **options: Any) -> str:
        """Celery calls it for a task that is not registered in this process."""
        return enqueue(name, args, kwargs, queue=options.get("queue") or "", expires=options.get("expires"))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._heart = heartbeats.Heart("scheduler")

    def tick(self, *args: Any, **kwargs: Any) -> Any:
        # A connection that broke since the last tick is replaced, and none is held between two.
        close_old_connections()
        self._heart.beat()
        return super().tick(*args, **kwargs)
