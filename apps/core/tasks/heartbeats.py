"""Signs of life of the processes that no request reaches: scheduler, relay, workers, and each queue as a whole.

A sign is a row with the time of the last beat, by the clock of the database. Health and metrics read it.
"""

import time
from collections.abc import Callable
from datetime import timedelta

import psycopg
import structlog
from celery import current_app
from django.db import Error, connection

from apps.core.ops import health
from config.queues import QUEUES
from config.schedule import SCHEDULE

log = structlog.get_logger(__name__)

EVERY = 10.0  # seconds
# Two periods; of a queue, whose probe travels through scheduler, relay, broker and worker, two of the probe's.
SILENT_AFTER = timedelta(seconds=2 * EVERY)
PROBED_EVERY = SCHEDULE["apps.core.tasks.probe_queues"]
QUEUE_SILENT_AFTER = timedelta(seconds=2 * PROBED_EVERY + 5)

_BEAT = "INSERT INTO core_heartbeat (name, at) VALUES (%s, now()) ON CONFLICT (name) DO UPDATE SET at = excluded.at"
_AGE = "SELECT now() - max(at) FROM core_heartbeat WHERE name LIKE %s"


class Silent(Exception):
    """No sign of life for too long."""


def beat(name: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(_BEAT, [name])


class Heart:
    """Beats for one process, as often as asked and at most every EVERY seconds. It misses a beat rather than fail."""

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
            log.warning("heartbeat_missed", name=self.name, error=str(error).strip())

    def _beat(self) -> None:
        beat(self.name)


class ForkingHeart(Heart):
    """Of a process whose children must inherit no connection, and no pool of them, from it."""

    def _beat(self) -> None:
        with psycopg.connect(**connection.get_connection_params(), autocommit=True) as own:
            own.execute(_BEAT, [self.name])


def age(pattern: str) -> timedelta | None:
    """Since the last beat of a name like `pattern` (as in SQL); None if there never was one."""
    with connection.cursor() as cursor:
        cursor.execute(_AGE, [pattern])
        found: timedelta | None = cursor.fetchone()[0]
    return found


def requirement(pattern: str, silent_after: timedelta) -> Callable[[], None]:
    """A check that raises Silent."""

    def check() -> None:
        silence = age(pattern)
        if silence is None or silence > silent_after:
            raise Silent(f"{pattern}: {'never heard of' if silence is None else f'silent for {silence}'}")

    return check


def probe_queues(task: str) -> None:
    """Send the task through every queue; one that comes out at the other end is a sign of life of all that lies
    between."""
    for queue in QUEUES:
        current_app.send_task(task, kwargs={"queue": queue}, queue=queue, expires=PROBED_EVERY)


def watch() -> None:
    """Make them visible in /health/ready. None is needed to serve requests."""
    expected = {"scheduler": "scheduler", "relay": "relay", "workers": "worker:%"}
    for name, pattern in expected.items():
        health.register(name, requirement(pattern, SILENT_AFTER), needed=False, database=True)
    for queue in QUEUES:
        health.register(
            f"queue_{queue}", requirement(f"queue:{queue}", QUEUE_SILENT_AFTER), needed=False, database=True
        )
