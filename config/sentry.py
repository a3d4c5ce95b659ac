"""Error reports to Sentry, or to what speaks its protocol. Loaded only when SENTRY_DSN is set.

What is logged as an error is reported, with what the log line says: so nothing is reported that is not in the log, and
the same limits hold for both. What a report may contain is decided in `_scrubbed`, by a list of what stays.
"""

import logging
import os
from typing import Any

import sentry_sdk
from sentry_sdk.integrations.atexit import AtexitIntegration
from sentry_sdk.integrations.celery import CeleryIntegration
from sentry_sdk.integrations.dedupe import DedupeIntegration
from sentry_sdk.integrations.django import DjangoIntegration
from sentry_sdk.integrations.excepthook import ExcepthookIntegration
from sentry_sdk.types import Event, Hint

from config.logging import LogRateLimiter
from config.redaction import redact

# What a log line may add to a report as a tag, to be searched by.
TAGS = ("request_id", "task", "task_id", "logger")
KEPT_OF_REQUEST = ("method",)


def start(process: str, **options: Any) -> None:
    """`options` are the SDK's, for tests."""
    sentry_sdk.init(
        dsn=os.environ.get("SENTRY_DSN"),
        environment=os.environ.get("PHOTOGRAM_ENV", "development"),
        # Breadcrumbs and reports by other ways than the log are off: they collect texts that were not redacted.
        default_integrations=False,
        auto_enabling_integrations=False,
        integrations=[
            AtexitIntegration(callback=lambda pending, timeout: None),
            DedupeIntegration(),
            ExcepthookIntegration(),
            DjangoIntegration(middleware_spans=False, signals_spans=False, cache_spans=False),
            CeleryIntegration(propagate_traces=False),
        ],
        max_request_body_size="never",
        include_local_variables=False,
        max_breadcrumbs=0,
        traces_sample_rate=None,
        shutdown_timeout=2,
        before_send=_scrubbed,
        **options,
    )
    sentry_sdk.set_tag("process", process)


def stop() -> None:
    """Send what has been gathered."""
    sentry_sdk.flush(timeout=2)


class ReportingHandler(logging.Handler):
    """A log line of level ERROR becomes a report; with its exception, if it has one."""

    def __init__(self, level: int = logging.ERROR) -> None:
        super().__init__(level)
        self._limiter = LogRateLimiter()

    def emit(self, record: logging.LogRecord) -> None:
        admitted = self._limiter.admit(record)
        if admitted is None:
            return
        line = dict(admitted.msg) if isinstance(admitted.msg, dict) else {"event": admitted.getMessage()}
        error = line.pop("exc_info", None) or admitted.exc_info
        with sentry_sdk.new_scope() as scope:
            for name in TAGS:
                if name in line:
                    scope.set_tag(name, str(line.pop(name)))
            scope.set_context("log", line)
            if error:
                scope.capture_exception(_exception(error))
            else:
                scope.capture_message(str(line["event"]), level="error")


def _exception(error: Any) -> BaseException | None:
    """Of `exc_info`, which may be an exception, a tuple, or True for the present one (None, to the SDK)."""
    if isinstance(error, tuple):
        error = error[1]
    return error if isinstance(error, BaseException) else None


def _scrubbed(event: Event, hint: Hint) -> Event:
    """Neither body, query, cookies, headers nor addresses of a request; no person; texts as they may stand in a log."""
    request = event.get("request", {})
    event["request"] = {name: request[name] for name in KEPT_OF_REQUEST if name in request}
    event.pop("user", None)
    event.pop("breadcrumbs", None)
    event.pop("extra", None)
    for frame in _frames(event):
        frame.pop("vars", None)
    scrubbed: Event = redact(event)
    return scrubbed


def _frames(event: Event) -> list[dict[str, Any]]:
    raised: Any = event.get("exception") or {}
    return [frame for value in raised.get("values", []) for frame in (value.get("stacktrace") or {}).get("frames", [])]
