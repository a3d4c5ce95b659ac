"""The Celery app. The `delay` of its tasks writes a row of the outbox; only the relay talks to the broker."""

import gc
import os
import sys
from typing import Any

from celery import Celery
from celery.signals import worker_before_create_process

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

app = Celery("photogram", task_cls="apps.core.tasks.base:OutboxTask")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
app.autodiscover_tasks(["apps.core.tasks"], related_name="jobs")
# Celery closes Django's whole pool at the beginning and the end of each task (celery/celery#10554), so that each would
# pay for a session of its own. Never: `OutboxTask` returns its connection to the pool, as a request does.
app.conf.CELERY_DB_REUSE_MAX = sys.maxsize


@app.on_after_finalize.connect
def add_watchdog(sender: Any, **_: Any) -> None:
    """Once the apps can be imported."""
    sender.steps["worker"].add("apps.core.tasks.watchdog:Watchdog")


@worker_before_create_process.connect
def share_memory(**_: Any) -> None:
    """What is loaded stays: a collector that looked through it in each child would give each a copy of its own."""
    gc.freeze()
