"""The relay: announces the rows of the outbox to the broker, promptly and as often as it takes.

A row that was announced stays until its task is done (`outbox.py`), so a relay that is killed loses nothing but time,
and several relays do no harm. While the broker is unavailable rows wait; after each failure the relay pauses.
"""

import json
import threading
from collections.abc import Sequence
from datetime import timedelta

import structlog
from celery import Celery
from django.conf import settings
from django.db import close_old_connections, transaction
from django.utils import timezone
from kombu.exceptions import OperationalError

from apps.core.db.deadline import UNAVAILABLE_ERRORS, reset_pool
from apps.core.models import QueuedTask
from apps.core.ops.availability import AvailabilityLog
from apps.core.ops.observability import OUTBOX_LAG
from apps.core.tasks import heartbeats, outbox

log = structlog.get_logger(__name__)
KILLED = "Every attempt was begun and none ended: its process was killed, or ran out of time."
BATCH = 100
IDLE_SECONDS = 0.2
# After a failure of the broker or the database.
PAUSE = timedelta(seconds=2)
# A connection that broke while it was idle is replaced once; what fails then is the broker's state.
RETRY_ONCE = {"max_retries": 1, "interval_start": 0, "interval_step": 0, "interval_max": 0}


class Relay:
    def __init__(self, app: Celery) -> None:
        self._app = app
        self._broker_errors: tuple[type[BaseException], ...] = (
            OSError,
            OperationalError,
            *app.connection_for_write().connection_errors,
        )
        self._heart = heartbeats.Heart("relay")
        self._database = AvailabilityLog(log, unavailable="relay_without_database", recovered="relay_found_database")
        self._broker = AvailabilityLog(log, unavailable="broker_unavailable", recovered="broker_recovered")
        self._stopping = threading.Event()

    def stop(self) -> None:
        """`run` announces what is there already, and returns."""
        self._stopping.set()

    def run(self) -> None:
        while True:
            self._heart.beat()
            pause = self._run_once()
            if self._stopping.is_set() and pause:
                return
            self._stopping.wait(pause)

    def _run_once(self) -> float:
        """Announce a batch. Returns after how many seconds the next one is due."""
        try:
            tasks = self.take_batch()
            announced = self.announce(tasks)
        except UNAVAILABLE_ERRORS as error:
            self._database.record_failure(error=str(error).strip())
            reset_pool()
            return PAUSE.total_seconds()
        finally:
            close_old_connections()
        self._database.record_answer()
        if len(announced) < len(tasks):
            return PAUSE.total_seconds()
        return 0 if tasks else IDLE_SECONDS

    @transaction.atomic
    def take_batch(self) -> list[QueuedTask]:
        """The tasks to announce now, marked as announced. Those without attempts left become dead letters."""
        tasks = outbox.drop_expired(outbox.claim_due(BATCH))
        killed = [task.task_id for task in tasks if task.attempts >= settings.TASK_TRIES]
        if killed:
            outbox.move_to_dead_letters(killed, KILLED)
        tasks = [task for task in tasks if task.task_id not in killed]
        if tasks:
            outbox.mark_announced(tasks)
        return tasks

    def announce(self, tasks: Sequence[QueuedTask]) -> Sequence[QueuedTask]:
        """Send a message for each. Returns those for which the broker was available; the others are due again soon."""
        for number, task in enumerate(tasks):
            try:
                self._publish(task)
            except self._broker_errors as error:
                self._broker.record_failure(error=repr(error), waiting=len(tasks) - number)
                outbox.reschedule([each.task_id for each in tasks[number:]], after=PAUSE)
                return tasks[:number]
            except Exception as error:  # of this task alone: whatever its arguments make the serializer raise
                self._refuse(task, error)
            else:
                self._broker.record_answer()
        return tasks

    def _publish(self, task: QueuedTask) -> None:
        with structlog.contextvars.bound_contextvars(**json.loads(task.context or "{}")):
            self._app.send_task(
                task.task_name,
                args=task.args,
                kwargs=task.kwargs,
                task_id=task.task_id,
                retry_policy=RETRY_ONCE,
                **task.options,
            )
        if task.announced_at is None:
            OUTBOX_LAG.observe((timezone.now() - task.created_at).total_seconds())

    def _refuse(self, task: QueuedTask, error: Exception) -> None:
        log.error("task_not_announced", task=task.task_name, task_id=task.task_id, exc_info=error)
        number = outbox.begin_attempt(task.task_id, lease=settings.TASK_LEASE)
        if number == settings.TASK_TRIES:
            outbox.move_to_dead_letters([task.task_id], repr(error))
