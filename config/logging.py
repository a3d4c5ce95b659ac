"""Structured logs: one event, one line; JSON in production, text in development (`console.py`).

Whatever is logged, by us, Django, Celery or gunicorn, goes through one handler. It leaves out what must not be told
(`redaction.py`) and bounds what is told: the length of a line, and how often the same is said.
"""

import copy
import json
import logging.config
from collections import OrderedDict
from contextlib import suppress
from threading import Lock, RLock
from time import monotonic
from typing import Any, cast

import orjson
import structlog
from prometheus_client import Counter
from structlog.tracebacks import ExceptionDictTransformer
from structlog.typing import EventDict, Processor

from config.console import as_text, hide_frequent
from config.redaction import redact

SUPPRESSED = Counter("photogram_log_lines_suppressed_total", "Lines left out of the log, since they said the same.")


def default_format(environment: str) -> str:
    return "json" if environment == "production" else "console"


# What processors of ours add to each line.
_ADDED = ("level", "logger", "timestamp")


class Redacted:
    """The last processor before a line is written. What processors have added tells nothing of anybody."""

    def __init__(self, *, full_addresses: bool) -> None:
        self._full_addresses = full_addresses

    def __call__(self, logger: Any, method: str, event: EventDict) -> EventDict:
        told = dict(event)
        added = {name: told.pop(name) for name in _ADDED if name in told}
        cleaned: dict[str, Any] = redact(told, full_addresses=self._full_addresses)
        return cleaned | added


def as_json(logger: Any, method: str, event: EventDict) -> str:
    """In ASCII, so that nothing in it ends a line for anybody; in a tenth of the time that `json` takes for what is
    ASCII anyway. orjson refuses what is no Unicode, and large numbers."""
    with suppress(orjson.JSONEncodeError):
        line = orjson.dumps(event)
        if line.isascii():
            return line.decode()
    return json.dumps(event)


class TokenBucket:
    """`burst` lines at once, and `per_second` after that."""

    def __init__(self, burst: int, per_second: float) -> None:
        self._burst, self._per_second = burst, per_second
        self._left, self._at = float(burst), monotonic()
        self.left_out = 0
        self.last_reported_at = float("-inf")

    def take(self) -> bool:
        now = monotonic()
        self._left = min(self._left + (now - self._at) * self._per_second, self._burst)
        self._at = now
        if self._left < 1:
            self.left_out += 1
            return False
        self._left -= 1
        return True


class LogRateLimiter:
    """Limits how often warnings and errors are logged (promise A8).

    Equal ones are logged 20 times, then once a second; all of them together 200 times, then 20 times a second. Once a
    minute a line reports that lines are suppressed, and the next line of the same kind has their number.
    """

    MAX_KINDS = 500
    REPORT_EVERY = 60.0

    def __init__(self) -> None:
        self._lock = Lock()
        self._all = TokenBucket(200, 20)
        self._kinds: OrderedDict[tuple[str, int, str], TokenBucket] = OrderedDict()

    def admit(self, record: logging.LogRecord) -> logging.LogRecord | None:
        """The record, a record to log instead, or None if the line is suppressed."""
        if record.levelno < logging.WARNING:
            return record
        said = record.msg.get("event") if isinstance(record.msg, dict) else record.msg
        what = str(said)[:100]
        with self._lock:
            kind = self._kind((record.name, record.levelno, what))
            if kind.take() and self._all.take():
                return self._with_count(record, kind)
            SUPPRESSED.inc()
            if monotonic() - kind.last_reported_at < self.REPORT_EVERY or not self._may_report(kind):
                return None
            kind.last_reported_at = monotonic()
        return _instead(record, {"event": "log_lines_suppressed", "of": what})

    def _kind(self, key: tuple[str, int, str]) -> TokenBucket:
        kind = self._kinds.pop(key, None) or TokenBucket(20, 1)
        self._kinds[key] = kind
        if len(self._kinds) > self.MAX_KINDS:
            self._kinds.popitem(last=False)
        return kind

    def _may_report(self, kind: TokenBucket) -> bool:
        """A flood of different kinds is reported once, not once for each kind."""
        if self._all.left_out == 0:
            return True
        first = monotonic() - self._all.last_reported_at > self.REPORT_EVERY
        if first:
            self._all.last_reported_at = monotonic()
        return first

    @staticmethod
    def _with_count(record: logging.LogRecord, kind: TokenBucket) -> logging.LogRecord:
        left_out, kind.left_out = kind.left_out, 0
        if left_out and isinstance(record.msg, dict):
            return _instead(record, record.msg | {"left_out": left_out})
        return record


def _instead(record: logging.LogRecord, event: dict[str, Any]) -> logging.LogRecord:
    """A copy that says `event`, since other handlers get the same record."""
    other = copy.copy(record)
    if isinstance(record.msg, dict):
        other.msg = {name: record.msg[name] for name in ("level", "logger", "timestamp") if name in record.msg} | event
    else:
        other.msg = " of: ".join(str(value) for value in event.values())
    other.args, other.exc_info, other.exc_text = (), None, None
    return other


class DampedHandler(logging.StreamHandler):  # type: ignore[type-arg]
    def __init__(self) -> None:
        super().__init__()
        self._limiter = LogRateLimiter()

    def say(self, level: str, event: EventDict) -> None:
        """An event without a record. For what the limiter lets through whatever it says."""
        line = cast(Structured, self.formatter).line(level, event)
        with cast(RLock, self.lock):
            self.stream.write(f"{line}\n")
            self.stream.flush()

    def emit(self, record: logging.LogRecord) -> None:
        admitted = self._limiter.admit(record)
        if admitted:
            super().emit(admitted)


class Structured(structlog.stdlib.ProcessorFormatter):
    """What came through structlog is rendered from its event alone; the library would make another record of it first,
    and format that."""

    def __init__(self, *, last: list[Processor], foreign_pre_chain: list[Processor]) -> None:
        super().__init__(processors=[self.remove_processors_meta, *last], foreign_pre_chain=foreign_pre_chain)
        self._last = last

    def format(self, record: logging.LogRecord) -> str:
        if not hasattr(record, "_logger"):
            return super().format(record)
        return self.line(record.levelname.lower(), cast(EventDict, record.msg))

    def line(self, level: str, event: EventDict) -> str:
        told: Any = dict(event)
        for process in self._last:
            told = process(None, level, told)
        return str(told)


def say_at_once(logger: Any, level: str, event: EventDict) -> EventDict:
    """What is no warning concerns no handler but ours, which writes it as it is: to make a record of it for any other
    takes the standard library as long as all the rest. What cannot be written goes its way."""
    if level not in ("info", "debug"):
        return event
    ours = next((handler for handler in logging.root.handlers if isinstance(handler, DampedHandler)), None)
    if ours is None:
        return event
    try:
        ours.say(level, event)
    except Exception:  # as `logging.Handler`, which says on stderr what it could not write, and raises nothing
        return event
    raise structlog.DropEvent


_SHARED: list[Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.StackInfoRenderer(),
]


def dict_config(*, log_format: str, level: str, full_addresses: bool = False, sentry: bool = False) -> dict[str, Any]:
    """For `logging.config.dictConfig`, which gunicorn calls for itself."""
    # Never the values of local variables: passwords are among them.
    tracebacks = structlog.processors.ExceptionRenderer(ExceptionDictTransformer(show_locals=False, max_frames=30))
    exceptions: Processor = tracebacks if log_format == "json" else structlog.processors.format_exc_info
    renderer: Processor = as_json if log_format == "json" else as_text
    handlers: dict[str, Any] = {"stderr": {"()": DampedHandler, "formatter": "structured"}}
    if sentry:
        handlers["sentry"] = {"()": "config.sentry.ReportingHandler", "level": "ERROR"}
    # Of those that tell of every step, and never more than the operator wants.
    quiet = level if logging.getLevelNamesMapping().get(level, 0) > logging.WARNING else "WARNING"
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "structured": {
                "()": Structured,
                "last": [exceptions, Redacted(full_addresses=full_addresses), renderer],
                "foreign_pre_chain": _SHARED,
            }
        },
        "handlers": handlers,
        "root": {"handlers": list(handlers), "level": level},
        "loggers": {
            # Our own request line says what Django's would, with the request id.
            "django.server": {"level": "ERROR"},
            "django.request": {"level": "CRITICAL"},
            # Otherwise each request with an unknown host would log a traceback.
            "django.security.DisallowedHost": {"level": "CRITICAL"},
            # gunicorn gives these handlers of its own.
            "gunicorn.error": {"handlers": list(handlers), "level": level, "propagate": False},
            "gunicorn.access": {"handlers": [], "level": "CRITICAL", "propagate": False},
            # Our own task line says what Celery's would, with the request id and without the result; its scheduler has
            # a line for each task of each tick.
            "celery": {"level": quiet},
            "celery.app.trace": {"level": "ERROR"},
            "django_celery_beat": {"level": quiet},
            "botocore": {"level": quiet},
            "urllib3": {"level": quiet},
            # It logs whole URLs, signatures included.
            "httpx": {"level": quiet},
        },
    }


def logging_config(*, log_format: str, level: str, full_addresses: bool = False, sentry: bool = False) -> None:
    """Configure structlog and the standard library's loggers to the same output on stderr."""
    # No log line has these fields, and each record would look them up (Python's logging HOWTO, "Optimization").
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    logging.config.dictConfig(
        dict_config(log_format=log_format, level=level, full_addresses=full_addresses, sentry=sentry)
    )
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *([] if log_format == "json" else [hide_frequent]),
            *_SHARED,
            structlog.stdlib.PositionalArgumentsFormatter(),
            say_at_once,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
