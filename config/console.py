"""Log lines for a developer's terminal: one line per event, requests first of all.

    GET /v1/feed 200 12 ms, db 3 ms/1
    warning: dependency_down dependency=storage error='timed out'

There is no time in a line, because `make run` writes it in front, with the name of the process.
"""

from typing import Any

from structlog import DropEvent
from structlog.typing import EventDict

# Health checks come every few seconds, and a page loads many static files, which have no route. Such a request is only
# shown if it is slow or fails.
FREQUENT = ("health/", "metrics", "unrouted")
SLOW_MS = 1000
# Of a line without trouble, these are not worth the room.
DETAILS = ("level", "logger", "timestamp", "request_id")


def hide_frequent(logger: Any, method: str, event: EventDict) -> EventDict:
    """A processor that drops the line of a health check, scrape or static file that was answered well and in time."""
    if (
        event.get("event") == "request"
        and str(event.get("route")).startswith(FREQUENT)
        and event["status"] < 400
        and event["duration_ms"] < SLOW_MS
    ):
        raise DropEvent
    return event


def as_text(logger: Any, method: str, event: EventDict) -> str:
    """The last processor: the event as one line, with the traceback, if any, below it."""
    fields: dict[str, Any] = dict(event)
    exception = fields.pop("exception", None)
    stack = fields.pop("stack", None)
    line = _request(fields) if fields.get("event") == "request" and "route" in fields else _event(fields, method)
    return "\n".join(str(part) for part in (line, stack, exception) if part)


def _request(fields: dict[str, Any]) -> str:
    # A request for no route is not logged with its path, which may contain anything.
    route = fields["route"] if fields["route"] == "unrouted" else f"/{fields['route']}"
    line = (
        f"{fields['method']} {route} {fields['status']} {fields['duration_ms']:.0f} ms, "
        f"db {fields['database_ms']:.0f} ms/{fields['queries']}"
    )
    # The id leads to the error's own line.
    return f"{line}, request {fields.get('request_id')}" if fields["status"] >= 500 else line


def _event(fields: dict[str, Any], method: str) -> str:
    level = str(fields.get("level", method))
    quiet = level in ("info", "debug")
    event = fields.pop("event", "")
    hidden = DETAILS if quiet else DETAILS[:-1]
    values = [f"{name}={value!r}" for name, value in fields.items() if name not in hidden and value is not None]
    return " ".join([str(event) if quiet else f"{level}: {event}", *values])
