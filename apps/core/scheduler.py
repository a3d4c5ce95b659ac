"""The scheduler: Celery beat with the schedule in the database, which needs no broker and gives signs of life.

Two of them side by side do no harm: what the clock rings for is locked while it runs, and finds nothing to do twice.
"""

from typing import Any

from django_celery_beat.schedulers import DatabaseScheduler

from apps.core import heartbeats


class Scheduler(DatabaseScheduler):  # type: ignore[misc]  # untyped
    # Tasks go through the outbox. Celery's would connect to the broker here, and wait while it is away.
    producer = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._heart = heartbeats.Heart("scheduler")

    def tick(self, *args: Any, **kwargs: Any) -> Any:
        self._heart.beat()
        return super().tick(*args, **kwargs)
