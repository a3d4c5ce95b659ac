"""What a process shows of itself as far as it is configured: metrics on a port, traces, error reports.

What is not configured is not imported. `start` is called after a fork where that can be: exporters have threads. In the
API it is called before, since Django must be told early; both SDKs begin their threads anew in a child.
"""

import importlib
import os
from typing import Any

from billiard.process import current_process
from celery.signals import (
    beat_init,
    celeryd_init,
    setup_logging,
    worker_process_init,
    worker_process_shutdown,
    worker_ready,
)
from django.dispatch import receiver

from apps.core.ops import prometheus
from apps.core.tasks.signals import relay_init, relay_shutdown


def start(process: str) -> None:
    """`process` is api, worker, relay or scheduler, as traces and error reports name it. A scheduler has no traces:
    those of its jobs begin with their tasks."""
    if os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT") and process != "scheduler":
        importlib.import_module("config.tracing").start(process)
    if os.environ.get("SENTRY_DSN"):
        importlib.import_module("config.sentry").start(process)


def stop() -> None:
    """Send what has been gathered: a child of Celery ends without its exit handlers."""
    if os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT"):
        importlib.import_module("config.tracing").stop()
    if os.environ.get("SENTRY_DSN"):
        importlib.import_module("config.sentry").stop()


# ── Celery's processes ───────────────────────────────────────────────────────────────────────────────────
@setup_logging.connect
def keep_our_logs(**_: Any) -> None:
    """A receiver of this signal keeps Celery from configuring logging, which the settings have done."""


@celeryd_init.connect
def _worker(**_: Any) -> None:
    if os.environ.get("SENTRY_DSN"):
        importlib.import_module("config.sentry").start("worker")


@worker_ready.connect
def _serve(**_: Any) -> None:
    prometheus.serve_metrics()


@worker_process_init.connect
def _child(**_: Any) -> None:
    place: Any = current_process()
    prometheus.take_slot(f"child{place.index}")
    start("worker")


@worker_process_shutdown.connect
def _child_ends(**_: Any) -> None:
    stop()


@beat_init.connect
def _scheduler(**_: Any) -> None:
    prometheus.serve_metrics()
    start("scheduler")


# ── The relay ────────────────────────────────────────────────────────────────────────────────────────────
@receiver(relay_init)
def _relay(**_: Any) -> None:
    prometheus.serve_metrics()
    start("relay")


@receiver(relay_shutdown)
def _relay_ends(**_: Any) -> None:
    stop()
