"""The base class of all tasks: an attempt at a row of the outbox.

A task takes ids and makes one call. How it is attempted, counted, retried and given up is written once, here.
"""

import random
import time
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import cached_property
from inspect import Signature, signature
from typing import Any

import structlog
from celery import Task
from celery.exceptions import Retry
from celery.result import AsyncResult
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
    """The base class of all tasks: enqueued through the outbox, attempted with a lease on the row."""

    def apply_async(  # type: ignore[override]  # the other options are for tasks that go to a broker at once
        self,
        args: Sequence[Any] | None = None,
        kwargs: Mapping[str, Any] | None = None,
        task_id: str | None = None,
        *,
        queue: str = "",
        expires: datetime | float | None = None,
        **_: Any,
    ) -> "AsyncResult[Any]":
        """Write the row of the task, in the transaction of the caller. `delay` calls it as well.

        Raises TypeError for other arguments than the task takes.
        """
        self._signature.bind(*(args or ()), **(kwargs or {}))
        task_id = outbox.enqueue(self.name, args, kwargs, task_id=task_id or "", queue=queue, expires=expires)
        return self.AsyncResult(task_id)

    @cached_property
    def _signature(self) -> Signature:
        return signature(self.run, follow_wrapped=False)  # a scheduled task takes no `runner`

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if self.request.called_directly:
            return super().__call__(*args, **kwargs)
        if self.request.is_eager:
            return self.run(*args, **kwargs)
        try:
            return self._attempt(*args, **kwargs)
        except UNAVAILABLE_ERRORS:
            reset_pool()
            raise
        finally:
            # Returns the connection to the pool, which checks whether it is still good.
            close_old_connections()

    def _attempt(self, *args: Any, **kwargs: Any) -> Any:
        """Raises what the task raises if this was the last attempt, otherwise Retry."""
        task_id, started = str(self.request.id), time.monotonic()
        number = outbox.begin_attempt(task_id, lease=settings.TASK_LEASE)
        if number is None:
            self._observe("skipped", started)
            return None
        try:
            result = self.run(*args, **kwargs)
        except Exception as error:
            pause = self._handle_failure(task_id, error, number)
            self._observe("retry" if pause else "dead", started)
            if pause:
                raise Retry(exc=error, when=timezone.now() + pause) from error
            raise
        outbox.finish(task_id)
        self._observe("success", started)
        return result

    def _handle_failure(self, task_id: str, error: Exception, number: int) -> timedelta | None:
        """Returns the pause before the next attempt; None if this was the last."""
        if number >= settings.TASK_TRIES:
            log.error("task_given_up", tries=number, exc_info=error)
            outbox.move_to_dead_letters([task_id], f"{type(error).__name__}: {error}")
            return None
        pause = _pause_after(number)
        log.warning("task_failed", tries=number, pause_seconds=pause.total_seconds(), exc_info=error)
        outbox.reschedule([task_id], after=pause)
        return pause

    def _observe(self, outcome: Outcome, started: float) -> None:
        task_finished(self.name, outcome, time.monotonic() - started)


def _pause_after(number: int) -> timedelta:
    """Exponential with jitter, so that tasks that failed together are not retried together."""
    return timedelta(seconds=settings.TASK_RETRY_SECONDS * GROWTH ** (number - 1) * random.uniform(0.75, 1.25))
