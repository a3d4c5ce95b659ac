"""What requests and tasks cost, as metrics and for their log lines."""

import time
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

import structlog
from django.db import DEFAULT_DB_ALIAS, connections
from prometheus_client import Counter, Histogram

log = structlog.get_logger("photogram.task")

# ── Requests ─────────────────────────────────────────────────────────────────────────────────────────────
LATENCY = Histogram(
    "photogram_request_seconds",
    "Time to answer, by route and status.",
    ["method", "route", "status"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
QUERIES = Counter("photogram_request_queries_total", "SQL statements, by route.", ["route"])
DATABASE_SECONDS = Counter("photogram_request_database_seconds_total", "Time in SQL, by route.", ["route"])
CACHE_SECONDS = Counter("photogram_request_cache_seconds_total", "Time in Redis, by route.", ["route"])
CACHE_READS = Counter(
    "photogram_cache_reads_total", "Look-ups by cache and result: hit, miss, or absent with Redis.", ["cache", "result"]
)


@lru_cache(maxsize=2000)
def _of_answers(method: str, route: str, status: int) -> Histogram:
    """A metric looks for its labels longer than it takes to count."""
    return LATENCY.labels(method, route, status)


@lru_cache(maxsize=500)
def _of_route(route: str) -> tuple[Counter, Counter, Counter]:
    return QUERIES.labels(route), DATABASE_SECONDS.labels(route), CACHE_SECONDS.labels(route)


def request_finished(method: str, route: str, status: int, seconds: float, cost: "Cost") -> None:
    """A request is answered: its metrics."""
    queries, database_seconds, cache_seconds = _of_route(route)
    _of_answers(method, route, status).observe(seconds)
    queries.inc(cost.queries)
    database_seconds.inc(cost.database_seconds)
    cache_seconds.inc(cost.cache_seconds)


# ── Tasks ────────────────────────────────────────────────────────────────────────────────────────────────
TASK_SECONDS = Histogram(
    "photogram_task_seconds",
    "Runtime of one try, by task.",
    ["task"],
    buckets=(0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 240),
)
TASKS = Counter("photogram_task", "Tries by task and outcome.", ["task", "outcome"])
OUTBOX_LAG = Histogram(
    "photogram_outbox_lag_seconds",
    "From the commit of a task to its first announcement to the broker.",
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800),
)
Outcome = Literal["success", "retry", "dead", "skipped"]


def task_finished(task: str, outcome: Outcome, seconds: float) -> None:
    """One try is over: its metrics and its log line."""
    TASK_SECONDS.labels(task).observe(seconds)
    TASKS.labels(task, outcome).inc()
    log.info("task", outcome=outcome, duration_ms=round(seconds * 1000, 1))


# ── What is waited for ───────────────────────────────────────────────────────────────────────────────────
@dataclass
class Cost:
    """`with Cost() as cost:` counts the statements that the block sends, and the seconds that it waits for them and for
    Redis."""

    queries: int = 0
    database_seconds: float = 0.0
    cache_seconds: float = 0.0

    def __enter__(self) -> "Cost":
        self._token = _present.set(self)
        connections[DEFAULT_DB_ALIAS].execute_wrappers.append(self)
        return self

    def __exit__(self, *_: object) -> None:
        connections[DEFAULT_DB_ALIAS].execute_wrappers.pop()
        _present.reset(self._token)

    def __call__(self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        started = time.perf_counter()
        try:
            return execute(sql, params, many, context)
        finally:
            self.queries += 1
            self.database_seconds += time.perf_counter() - started


_present: ContextVar[Cost | None] = ContextVar("cost", default=None)


def waited_for_cache(seconds: float) -> None:
    if cost := _present.get():
        cost.cache_seconds += seconds
