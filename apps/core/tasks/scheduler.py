"""The scheduler: Celery beat with the schedule in the database, which needs no broker and sends heartbeats.

Two of them side by side do no harm: a scheduled job is locked while it runs, and finds nothing to do twice.
"""

import threading
from collections.abc import Callable
from typing import Any

import structlog
from celery import Celery
from django.db import close_old_connections
from django_celery_beat.schedulers import DatabaseScheduler

from apps.core.db.deadline import UNAVAILABLE_ERRORS
from apps.core.tasks import heartbeats
from apps.core.tasks.outbox import enqueue

log = structlog.get_logger(__name__)
# Seconds to wait after the database was unavailable.
PAUSE = 2.0


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


class SchedulerThread(threading.Thread):
    """Runs the scheduler beside the relay. `on_end` is called when the thread ends, for whatever reason."""

    def __init__(self, app: Celery, *, on_end: Callable[[], None]) -> None:
        super().__init__(name="scheduler", daemon=True)
        self._app = app
        self._on_end = on_end
        self._stopping = threading.Event()

    @property
    def is_stopping(self) -> bool:
        return self._stopping.is_set()

    def stop(self) -> None:
        """The thread ends after the current tick."""
        self._stopping.set()

    def run(self) -> None:
        try:
            scheduler = Scheduler(app=self._app, lazy=True)
            while not self._stopping.wait(self._tick(scheduler)):
                pass
            scheduler.close()
        except Exception:
            log.exception("scheduler_failed")
        finally:
            self._on_end()

    @staticmethod
    def _tick(scheduler: Scheduler) -> float:
        """Enqueue the jobs that are due. Returns after how many seconds to do it again."""
        try:
            return float(scheduler.tick())
        except UNAVAILABLE_ERRORS as error:
            log.warning("scheduler_without_database", error=str(error).strip())
            return PAUSE
