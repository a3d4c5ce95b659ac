"""What goes with a request to the tasks that follow from it: its id, and its trace while traces are on.

Both are bound to structlog's context. The outbox keeps them with the row (`carried`), the relay binds them when it
announces the task, here they become headers of the message, and the worker binds them again: so each log line of a task
names the request that caused it.
"""

from collections.abc import Callable
from typing import Any

import structlog
from celery.signals import before_task_publish, task_postrun, task_prerun

NAMES = ("request_id", "traceparent")


class _Trace:
    """The W3C `traceparent` of the present span; `config/tracing.py` knows it, when it is loaded."""

    present: Callable[[], str] | None = None


def traces_come_from(present: Callable[[], str] | None) -> None:
    _Trace.present = present


def begin(**names: str) -> None:
    """A request or a task begins: whatever was bound before is another's."""
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(**names)
    if _Trace.present and (traceparent := _Trace.present()):
        structlog.contextvars.bind_contextvars(traceparent=traceparent)


def carried() -> dict[str, str]:
    """The names that are bound now and go with a task."""
    bound = structlog.contextvars.get_contextvars()
    return {name: bound[name] for name in NAMES if name in bound}


@before_task_publish.connect
def add_headers(headers: dict[str, Any], **_: Any) -> None:
    headers |= carried()


def carried_by(task: Any) -> dict[str, str]:
    """The headers that `add_headers` put into the message of the running task."""
    return {name: str(value) for name in NAMES if (value := task.request.get(name))}


@task_prerun.connect
def begin_task(task_id: str, task: Any, **_: Any) -> None:
    if not task.request.is_eager:
        begin(task_id=task_id, task=task.name, **carried_by(task))


@task_postrun.connect
def end_task(task: Any, **_: Any) -> None:
    if not task.request.is_eager:
        structlog.contextvars.clear_contextvars()
