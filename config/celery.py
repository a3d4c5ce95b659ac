"""The Celery app. `delay` writes a row of the outbox; only the relay sends messages to the broker."""

import gc
import importlib
import os
import sys
from typing import Any

from celery import Celery
from celery.signals import worker_before_create_process, worker_init

from apps.media import confinement

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

app = Celery("photogram", task_cls="apps.core.tasks.base:OutboxTask")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
app.autodiscover_tasks(["apps.core.tasks"], related_name="jobs")
# Celery closes Django's connection pool before and after each task (celery/celery#10554), so that each task would open
# a connection. This disables it: `OutboxTask` returns its connection to the pool, like a request.
app.conf.CELERY_DB_REUSE_MAX = sys.maxsize


@app.on_after_finalize.connect
def add_watchdog(sender: Any, **_: Any) -> None:
    """Later than at import time, because the watchdog imports apps."""
    sender.steps["worker"].add("apps.core.tasks.watchdog:Watchdog")


@worker_init.connect
def hide_memory(**_: Any) -> None:
    """Other processes of the same user cannot read the secrets of a worker or of the processes that it forks."""
    confinement.hide_memory()


@worker_init.connect
def load_before_fork(**_: Any) -> None:
    """Load what each child would load by itself: the client of the private bucket with its description of S3 (16 MB),
    and cffi's parser, which billiard uses to set the signal that ends a child with its parent (3 MB)."""
    importlib.import_module("apps.media.storage").client()
    importlib.import_module("cffi.cparser")


@worker_before_create_process.connect
def share_memory(**_: Any) -> None:
    """Exclude loaded objects from garbage collection, which would copy their memory pages into each child."""
    gc.freeze()
