"""Heartbeats of the processes that no request reaches: scheduler, relay, workers, and each queue as a whole.

A heartbeat is a row with the time of the last one, by the clock of the database. Health and metrics read it.
"""

import time
from collections.abc import Callable
from datetime import timedelta

import psycopg
import structlog
from django.conf import settings
from django.db import Error, connection
from django.db.models import Max
from django.db.models.functions import Now

from apps.core.db.queries import fetch_rows, load
from apps.core.models import Heartbeat
from apps.core.ops import health
from apps.core.tasks.outbox import enqueue

log = structlog.get_logger(__name__)

EVERY = 10.0  # seconds
# Two periods; of a queue, whose probe travels through scheduler, relay, broker and worker, two of the probe's.
SILENT_AFTER = timedelta(seconds=2 * EVERY)
PROBED_EVERY = settings.SCHEDULE["apps.core.tasks.probe_queues"]
QUEUE_SILENT_AFTER = timedelta(seconds=2 * PROBED_EVERY + 5)


class Silent(Exception):
    """No heartbeat for too long."""


def beat(name: str) -> None:
    fetch_rows(load("core/heartbeat"), {"name": name})


class Heart:
    """Beats for one process, when asked and at most every EVERY seconds. A beat that fails is skipped."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._next = 0.0

    def beat(self) -> None:
        if time.monotonic() < self._next:
            return
        self._next = time.monotonic() + EVERY
        try:
            self._beat()
        except (Error, psycopg.Error) as error:
            log.warning("heartbeat_failed", name=self.name, error=str(error).strip())

    def _beat(self) -> None:
        beat(self.name)


class ForkingHeart(Heart):
    """For a process whose children must inherit neither a connection nor a pool from it."""

    def _beat(self) -> None:
        with psycopg.connect(**connection.get_connection_params(), autocommit=True) as own:
            own.execute(load("core/heartbeat"), {"name": self.name})


def age_of(prefix: str) -> timedelta | None:
    """The time since the last heartbeat of a name that begins with `prefix`; None if there never was one."""
    found = Heartbeat.objects.filter(name__startswith=prefix).aggregate(age=Now() - Max("at"))
    age: timedelta | None = found["age"]
    return age


def requirement(prefix: str, silent_after: timedelta) -> Callable[[], None]:
    """A check that raises Silent."""

    def check() -> None:
        age = age_of(prefix)
        if age is None or age > silent_after:
            raise Silent(f"{prefix}: {'no heartbeat ever' if age is None else f'no heartbeat for {age}'}")

    return check


def probe_queues(task: str) -> None:
    """Send the task through every queue. One that is done is a heartbeat of scheduler, relay, broker and worker."""
    for queue in settings.QUEUES:
        enqueue(task, kwargs={"queue": queue}, queue=queue, expires=PROBED_EVERY)


def watch() -> None:
    """Make them visible in /health/ready. None is needed to serve requests."""
    expected = {"scheduler": "scheduler", "relay": "relay", "workers": "worker:"}
    for name, prefix in expected.items():
        health.register(name, requirement(prefix, SILENT_AFTER), needed=False, database=True)
    for queue in settings.QUEUES:
        health.register(
            f"queue_{queue}", requirement(f"queue:{queue}", QUEUE_SILENT_AFTER), needed=False, database=True
        )
