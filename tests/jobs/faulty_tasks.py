"""Tasks that behave badly, for a worker that is told to include this module. Each try leaves a line in a file."""

import os
import signal
import time
from pathlib import Path
from typing import Any

from celery import shared_task
from celery.signals import worker_ready
from django.db import connection


@worker_ready.connect
def may_be_made_deaf(sender: Any, **_: Any) -> None:
    """After SIGUSR2 the worker takes nothing more, as when the broker has lost its subscription."""
    signal.signal(signal.SIGUSR2, lambda *_: sender.task_consumer.cancel())


def _note(path: str) -> None:
    with Path(path).open("a") as file:
        file.write(f"{os.getpid()}\n")


@shared_task
def steady(*, path: str, **_: object) -> None:
    _note(path)


@shared_task
def asking(*, path: str, **_: object) -> None:
    """Notes the session of the database that it was given."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        with Path(path).open("a") as file:
            file.write(f"{cursor.fetchone()[0]}\n")


@shared_task
def failing(*, path: str, **_: object) -> None:
    _note(path)
    raise RuntimeError("as always")


@shared_task
def killing(*, path: str, **_: object) -> None:
    _note(path)
    os.kill(os.getpid(), signal.SIGKILL)


@shared_task
def slow(*, path: str, seconds: float, **_: object) -> None:
    _note(path)
    time.sleep(seconds)
    Path(path + ".done").touch()
