"""What requests cost: times as the client sees them, CPU as the processes account for it, statements as counted."""

import statistics
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import psycopg

from bench.driver import Call, Outcome, Plan, drive
from bench.stack import Bench, Served, cache_cpu, cache_reads, cpu


@dataclass
class Sample:
    """Of one run. CPU is in milliseconds per request; `sql` are the statements that the API counts, `trips` those that
    PostgreSQL does, BEGIN and COMMIT included; `pages` are those of 8 KiB that it looked at for them; `redis` are round
    trips to Redis."""

    path: str
    connections: int
    round: int
    requests: int
    per_second: float
    p50: float
    p95: float
    p99: float
    web: float
    database: float
    cache: float
    trips: float
    pages: float
    redis: float
    sql: float | None = None
    faults: list[str] = field(default_factory=list)

    @property
    def total(self) -> float:
        return self.web + self.database + self.cache


class Meter:
    """Measures runs on one bench."""

    def __init__(self, bench: Bench, statements: "psycopg.Connection[Any]") -> None:
        self.bench = bench
        self._statements = statements
        self._statements.execute("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
        self._cache_port = urlsplit(bench.environment["REDIS_URL"]).port or 0

    def measure(
        self, path: str, served: Served, calls: list[list[Call]], *, round: int, seconds: float, counts: bool
    ) -> Sample:
        """`counts`: whether it has metrics that tell its statements."""
        plan = Plan(served.port, calls, seconds, self._cache_port)
        queries = served.queries() if counts else 0.0
        seen = self._seen()
        with self.bench.cache() as client:
            before = cpu(served.pid), cpu(self.bench.postgres_pid), cache_cpu(client), cache_reads(client)
            outcomes = drive(plan)
            after = cpu(served.pid), cpu(self.bench.postgres_pid), cache_cpu(client), cache_reads(client)
        trips, pages = (after - before for before, after in zip(seen, self._seen(), strict=True))
        web, database, cache, redis = ((b - a) / len(outcomes) for a, b in zip(before, after, strict=True))
        return Sample(
            path,
            len(calls),
            round,
            len(outcomes),
            **_times(outcomes),
            web=web,
            database=database,
            cache=cache,
            redis=redis,
            trips=(trips - 1) / len(outcomes),  # less this very look
            pages=pages / len(outcomes),
            sql=(served.queries() - queries) / len(outcomes) if counts else None,
            faults=[outcome.fault for outcome in outcomes if outcome.fault],
        )

    def _seen(self) -> tuple[int, int]:
        """Statements, and pages looked at for them."""
        found = self._statements.execute(
            "SELECT coalesce(sum(calls), 0)::bigint, coalesce(sum(shared_blks_hit + shared_blks_read), 0)::bigint "
            "FROM pg_stat_statements"
        ).fetchone()
        assert found
        return int(found[0]), int(found[1])


@contextmanager
def meter(bench: Bench) -> Iterator[Meter]:
    with bench.database() as connection:
        yield Meter(bench, connection)


def _times(outcomes: list[Outcome]) -> dict[str, float]:
    """Milliseconds, and requests per second."""
    taken = sorted(outcome.seconds * 1000 for outcome in outcomes)
    begun, ended = min(o.at for o in outcomes), max(o.at + o.seconds for o in outcomes)
    return {
        "per_second": len(outcomes) / (ended - begun),
        "p50": statistics.median(taken),
        "p95": _at(taken, 0.95),
        "p99": _at(taken, 0.99),
    }


def _at(ordered: list[float], share: float) -> float:
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)]
