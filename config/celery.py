"""The Celery app. Its `delay` writes an outbox row in the caller's transaction; the relay talks to the broker."""

import gc
import importlib
import os
import sys
from datetime import timedelta
from typing import Any

from celery.result import AsyncResult
from celery.signals import worker_before_create_process
from django.utils import timezone
from django_celery_outbox import OutboxCelery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")


class Photogram(OutboxCelery):
    """What happens to the rows that it writes: `apps/core/tasks/outbox.py`."""

    def send_task(  # type: ignore[override]  # what is not named here is kept with the row
        self, name: str, args: Any = None, kwargs: Any = None, *, expires: Any = None, **options: Any
    ) -> "AsyncResult[Any]":
        """`expires` (seconds, or a moment) is kept as a moment, so that announcing again grants no more time.

        The library would write each row by itself, through the ORM, with spans and signals that nobody listens to.
        """
        # Models can be imported only when the apps are loaded.
        outbox = importlib.import_module("apps.core.tasks.outbox")
        if isinstance(expires, int | float):
            expires = timezone.now() + timedelta(seconds=expires)
        task_id = options.pop("task_id", None) or ""
        kept = outbox.kept(options | {"expires": expires})
        return self.AsyncResult(outbox.write(name, args, kwargs, kept, task_id=task_id))


app = Photogram("photogram", task_cls="apps.core.tasks.base:OutboxTask")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
app.autodiscover_tasks(["apps.core.tasks"], related_name="jobs")
# Celery closes Django's whole pool at the beginning and the end of each task (celery/celery#10554), so that each would
# pay for a session of its own. Never: `OutboxTask` gives its connection back to the pool, as a request does.
app.conf.CELERY_DB_REUSE_MAX = sys.maxsize


@app.on_after_finalize.connect
def keep_watch(sender: Any, **_: Any) -> None:
    """Once the apps can be imported."""
    sender.steps["worker"].add("apps.core.tasks.watchdog:Watchdog")


@worker_before_create_process.connect
def share_memory(**_: Any) -> None:
    """What is loaded stays: a collector that looked through it in each child would give each a copy of its own."""
    gc.freeze()
