"""Two tasks that no worker survives or finishes; the bench's workers are told to include this module."""

import os
import signal

from celery import shared_task


@shared_task(name="bench.raises")
def raises(**_: object) -> None:
    raise RuntimeError("poison")


@shared_task(name="bench.kills")
def kills(**_: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)
