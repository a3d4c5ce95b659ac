"""What every task is: a try at a row of the outbox.

A task is a doorbell: ids in, one call. How it is tried, counted, repeated and given up is written once, here.
"""

import random
import time
from datetime import timedelta
from functools import cached_property
from typing import Any

import structlog
from celery import Task
from celery.exceptions import Retry
from django.conf import settings
from django.db import close_old_connections
from django.utils import timezone

from apps.core.db.deadline import UNAVAILABLE_ERRORS, reset_pool
from apps.core.ops.observability import Outcome, task_finished
from apps.core.tasks import outbox

log = structlog.get_logger(__name__)
# The pause after a failure grows by this factor: 2, 8, 32 and 128 seconds, as TASK_RETRY_SECONDS comes.
GROWTH = 4


class OutboxTask(Task):  # type: ignore[type-arg]  # generic in the stubs only
    """The base class of all tasks."""

    def delay(self, *args: Any, **kwargs: Any) -> None:  # type: ignore[override]  # nobody waits for its result
        """Write its row. Celery comes to the same by many stations, which are for tasks that go to a broker at once.
        Raises TypeError for other arguments than the task takes."""
        self.__header__(*args, **kwargs)  # type: ignore[attr-defined]  # not in the stubs
        outbox.write(self.name, args, kwargs, self._kept)

    @cached_property
    def _kept(self) -> dict[str, Any]:
        """Of the task's own options. When it expires, if ever, is said by whoever sends it."""
        return outbox.kept(self._get_exec_options())  # type: ignore[attr-defined]  # not in the stubs

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if self.request.called_directly:
            return super().__call__(*args, **kwargs)
        if self.request.is_eager:
            return self.run(*args, **kwargs)
        try:
            return self._try(*args, **kwargs)
        except UNAVAILABLE_ERRORS:
            reset_pool()
            raise
        finally:
            # Back into the pool, which knows whether it is still good.
            close_old_connections()

    def _try(self, *args: Any, **kwargs: Any) -> Any:
        """Raises what the task raises when it was the last try, Retry before."""
        task_id, started = str(self.request.id), time.monotonic()
        number = outbox.begin(task_id, lease=settings.TASK_LEASE)
        if number is None:
            self._tell("skipped", started)
            return None
        try:
            result = self.run(*args, **kwargs)
        except Exception as error:
            pause = self._note_failure(task_id, error, number)
            self._tell("retry" if pause else "dead", started)
            if pause:
                raise Retry(exc=error, when=timezone.now() + pause) from error
            raise
        outbox.done(task_id)
        self._tell("success", started)
        return result

    def _note_failure(self, task_id: str, error: Exception, number: int) -> timedelta | None:
        """After which pause there will be another try; None when that was the last."""
        if number >= settings.TASK_TRIES:
            log.error("task_given_up", tries=number, exc_info=error)
            outbox.bury(task_id, f"{type(error).__name__}: {error}")
            return None
        pause = _pause_after(number)
        log.warning("task_failed", tries=number, pause_seconds=pause.total_seconds(), exc_info=error)
        outbox.postpone(task_id, pause)
        return pause

    def _tell(self, outcome: Outcome, started: float) -> None:
        task_finished(self.name, outcome, time.monotonic() - started)


def _pause_after(number: int) -> timedelta:
    """Ever longer, and a little by chance, so that what failed together does not come back together."""
    return timedelta(seconds=settings.TASK_RETRY_SECONDS * GROWTH ** (number - 1) * random.uniform(0.75, 1.25))
