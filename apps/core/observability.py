"""The metrics of a request, and what one request cost the database."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.db import connection
from prometheus_client import Counter, Histogram

LATENCY = Histogram(
    "photogram_request_seconds",
    "Time to answer, by route and status.",
    ["method", "route", "status"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
QUERIES = Counter("photogram_request_queries_total", "SQL statements, by route.", ["route"])
DATABASE_SECONDS = Counter("photogram_request_database_seconds_total", "Time in SQL, by route.", ["route"])


@dataclass
class DatabaseCost:
    """Statements sent and seconds waited for them."""

    queries: int = 0
    seconds: float = 0.0

    def __call__(self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        started = time.perf_counter()
        try:
            return execute(sql, params, many, context)
        finally:
            self.queries += 1
            self.seconds += time.perf_counter() - started


@contextmanager
def measured_database() -> Iterator[DatabaseCost]:
    cost = DatabaseCost()
    with connection.execute_wrapper(cost):
        yield cost
