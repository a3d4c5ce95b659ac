"""Tasks that fail, hang or kill their process. Each attempt writes a line to a file."""

import os
import signal
import time
from pathlib import Path
from typing import Any

from celery import shared_task
from celery.signals import worker_ready
from django.db import connection


@worker_ready.connect
def stop_consuming_on_signal(sender: Any, **_: Any) -> None:
    """After SIGUSR2 the worker consumes no more messages, as if the broker had lost its subscription."""
    signal.signal(signal.SIGUSR2, lambda *_: sender.task_consumer.cancel())


def _record_attempt(path: str) -> None:
    with Path(path).open("a") as file:
        file.write(f"{os.getpid()}\n")


@shared_task
def succeeding(*, path: str, **_: object) -> None:
    _record_attempt(path)


@shared_task
def recording_backend(*, path: str, **_: object) -> None:
    """Records the backend id of its database connection."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        with Path(path).open("a") as file:
            file.write(f"{cursor.fetchone()[0]}\n")


@shared_task
def failing(*, path: str, **_: object) -> None:
    _record_attempt(path)
    raise RuntimeError("as always")


@shared_task
def killing_process(*, path: str, **_: object) -> None:
    _record_attempt(path)
    os.kill(os.getpid(), signal.SIGKILL)


@shared_task
def slow(*, path: str, seconds: float, **_: object) -> None:
    _record_attempt(path)
    time.sleep(seconds)
    Path(path + ".done").touch()
