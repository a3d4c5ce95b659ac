"""Heartbeats of the processes that no request reaches: scheduler, relay, workers, and each queue as a whole.

A heartbeat is a row with the time of the last one, by the clock of the database. Health and metrics read it. The name
of a worker is `worker:<kind>@<host>`; workers of the same kind do the same work, so one of them is enough.
"""

import time
from collections.abc import Callable
from datetime import timedelta

import psycopg
import structlog
from django.conf import settings
from django.db import Error, connection

from apps.core.db.queries import fetch_rows, load
from apps.core.ops import broker, health
from apps.core.ops.availability import AvailabilityLog
from apps.core.tasks import backlog
from apps.core.tasks.outbox import enqueue

log = structlog.get_logger(__name__)

EVERY = 10.0  # seconds
# Two periods; of a queue, whose probe travels through scheduler, relay, broker and worker, two of the probe's.
SILENT_AFTER = timedelta(seconds=2 * EVERY)
PROBED_EVERY = settings.SCHEDULE["apps.core.tasks.probe_queues"]
QUEUE_SILENT_AFTER = timedelta(seconds=2 * PROBED_EVERY + 5)


def beat(name: str) -> None:
    fetch_rows(load("core/heartbeat"), {"name": name})


class Heart:
    """Beats for one process, when asked and at most every EVERY seconds. A beat that fails is skipped."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._next = 0.0
        self._log = AvailabilityLog(log, unavailable="heartbeat_failed", recovered="heartbeat_recovered")

    def beat(self) -> None:
        if time.monotonic() < self._next:
            return
        self._next = time.monotonic() + EVERY
        try:
            self._beat()
        except (Error, psycopg.Error) as error:
            self._log.record_failure(name=self.name, error=str(error).strip())
        else:
            self._log.record_answer(name=self.name)

    def _beat(self) -> None:
        beat(self.name)


class ForkingHeart(Heart):
    """For a process whose children must inherit neither a connection nor a pool from it."""

    def _beat(self) -> None:
        with psycopg.connect(**connection.get_connection_params(), autocommit=True) as own:
            own.execute(load("core/heartbeat"), {"name": self.name})


def kind_of(name: str) -> str:
    """A worker `worker:media@host` is of the kind "media"; every other name is a kind of its own."""
    return name.removeprefix("worker:").partition("@")[0]


def expected_names() -> list[str]:
    """What must have a heartbeat: one of several workers of a kind is enough."""
    return [
        "scheduler",
        "relay",
        *(f"worker:{kind}" for kind in settings.WORKER_NAMES),
        *(f"queue:{queue}" for queue in settings.QUEUES),
    ]


def ages() -> dict[str, timedelta]:
    """{kind: the time since the last heartbeat of any process of this kind}"""
    newest: dict[str, timedelta] = {}
    for name, age in backlog.pulses().items():
        kind = kind_of(name)
        newest[kind] = min(age, newest.get(kind, age))
    return newest


def require(*kinds: str, silent_after: timedelta) -> Callable[[], None]:
    """A check that raises Unhealthy if one of the kinds has no recent heartbeat."""

    def check() -> None:
        found = ages()
        silent = [
            f"No heartbeat of {kind} {f'for {found[kind].total_seconds():.0f} s' if kind in found else 'yet'}."
            for kind in kinds
            if kind not in found or found[kind] > silent_after
        ]
        if silent:
            raise health.Unhealthy(" ".join(silent))

    return check


def probe_queues(task: str) -> None:
    """Send the task through every queue. One that is done is a heartbeat of scheduler, relay, broker and worker."""
    for queue in settings.QUEUES:
        enqueue(task, kwargs={"queue": queue}, queue=queue, expires=PROBED_EVERY)


def watch() -> None:
    """Make heartbeats visible in /health/ready. None is needed to serve requests."""
    requires: tuple[str, ...] = ("database", "schema")
    if broker.is_server():
        health.register("broker", broker.ping, needed=False, fault="the broker is down")
        # Without it relay and workers wait, and have no heartbeat.
        requires += ("broker",)
    scheduler = require("scheduler", silent_after=SILENT_AFTER)
    health.register("scheduler", scheduler, needed=False, requires=requires[:2], fault="no scheduler runs")
    relay = require("relay", silent_after=SILENT_AFTER)
    health.register("relay", relay, needed=False, requires=requires, fault="no relay runs")
    workers = require(*settings.WORKER_NAMES, silent_after=SILENT_AFTER)
    health.register("workers", workers, needed=False, requires=requires, fault="a worker does not run")
    for queue in settings.QUEUES:
        check = require(f"queue:{queue}", silent_after=QUEUE_SILENT_AFTER)
        health.register(f"queue_{queue}", check, needed=False, requires=requires, fault=f"the queue {queue} stalls")
