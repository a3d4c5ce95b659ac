"""A worker that consumes no more notices it, and ends, so that whatever runs it starts another (promise C4).

Celery's event loop has a timer for it. While the loop turns, it winds up the kernel's alarm clock, which ends a process
whose loop is stuck; and it compares what waits in the worker's queues with what the worker takes.
"""

import os
import signal
import time
from typing import Any

import structlog
from celery import bootsteps
from celery.signals import task_received
from celery.worker import state
from django.conf import settings

from apps.core.tasks import backlog, heartbeats

log = structlog.get_logger(__name__)


class Watchdog(bootsteps.StartStopStep):
    requires = ("celery.worker.components:Timer",)

    def __init__(self, worker: Any, **kwargs: Any) -> None:
        super().__init__(worker, **kwargs)
        self._heart = heartbeats.ForkingHeart(f"worker:{worker.hostname}")
        self._took_at = time.monotonic()
        self._work_waited = False

    def start(self, worker: Any) -> None:
        self._queues = list(worker.app.amqp.queues.consume_from)
        task_received.connect(self._took, weak=False)
        self._turn(worker)
        often = min(heartbeats.EVERY, settings.WORKER_STALLED_SECONDS / 4)
        self._timer = worker.timer.call_repeatedly(often, self._turn, (worker,))

    def stop(self, worker: Any) -> None:
        self._timer.cancel()
        signal.alarm(0)

    def _took(self, **_: Any) -> None:
        self._took_at = time.monotonic()
        self._work_waited = False

    def _turn(self, worker: Any) -> None:
        signal.alarm(settings.WORKER_STALLED_SECONDS)
        self._heart.beat()
        if self._is_stalled():
            log.critical("worker_stalled", worker=worker.hostname, seconds=settings.WORKER_STALLED_SECONDS)
            os.kill(os.getpid(), signal.SIGTERM)

    def _is_stalled(self) -> bool:
        """It does nothing, has taken nothing for long, and there was work in its queues at this turn and at the one
        before: what has come since the loop last looked, the loop could not have taken."""
        if state.active_requests or state.reserved_requests:
            self._took()
        if time.monotonic() - self._took_at < settings.WORKER_STALLED_SECONDS:
            return False
        waited_before, self._work_waited = self._work_waited, self._work_waits()
        return waited_before and self._work_waited

    def _work_waits(self) -> bool:
        waiting = backlog.in_broker(self._queues)
        return waiting is not None and sum(waiting.values()) > 0
