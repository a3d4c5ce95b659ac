"""Gauges that are read when Prometheus asks: what waits in tables, and for how long.

Each app declares its own in `gauges.py`. Gauges that need no database come first and are always shown. Reading the
others is bounded: each by a time limit on its statements, all of them by BUDGET_SECONDS. One that cannot be read is
left out, counted and logged, without an effect on the others.
"""

import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import structlog
from django.db import connection, transaction
from prometheus_client import REGISTRY, CollectorRegistry, Counter
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from apps.core.db.deadline import REQUEST_SECONDS, UNAVAILABLE_ERRORS, outage
from apps.core.ops import health
from apps.core.ops.availability import AvailabilityLog
from apps.core.ops.health import State

log = structlog.get_logger(__name__)
_database_log = AvailabilityLog(log, unavailable="gauges_left_out", recovered="gauges_complete")
FAILURES = Counter("photogram_gauge_failures_total", "Gauges that could not be read, by name.", ["gauge"])
STATEMENT_MILLISECONDS = 1000
# A scrape has the deadline of a request. What begins last still ends before it: a statement that the deadline ends may
# pass for an outage of the database.
BUDGET_SECONDS = REQUEST_SECONDS - STATEMENT_MILLISECONDS / 1000
# Prometheus writes them itself, onto every series, and renames ours.
_RESERVED = {"job", "instance"}
# Whether there are more makes no difference to the reader.
MOST_COUNTED = 100_000
Values = Mapping[tuple[str, ...], float]


@dataclass(frozen=True)
class Gauge:
    name: str
    documentation: str
    labels: tuple[str, ...]
    read: Callable[[], Values]
    from_database: bool

    def family(self) -> Metric:
        """A name that ends in `_total` is a counter that the database keeps."""
        kind = CounterMetricFamily if self.name.endswith("_total") else GaugeMetricFamily
        family = kind(self.name, self.documentation, labels=self.labels)
        for labels, value in (self._read_bounded() if self.from_database else self.read()).items():
            family.add_metric(labels, value)
        return family

    def _read_bounded(self) -> Values:
        """The transaction is rolled back, with the time limit in it: nothing is written here."""
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute(f"SET LOCAL statement_timeout = {STATEMENT_MILLISECONDS}")
            values = self.read()
            transaction.set_rollback(True)
        return values


_gauges: dict[str, Gauge] = {}


def gauge(
    name: str,
    documentation: str,
    labels: Sequence[str],
    read: Callable[[], Values],
    *,
    from_database: bool = True,
) -> None:
    """Show what `read()` returns, {label values: number}, as `name`. It may return no entry for what is not there."""
    if not _RESERVED.isdisjoint(labels):
        raise ValueError(f"{name}: Prometheus keeps the labels {sorted(_RESERVED)} for itself.")
    _gauges[name] = Gauge(name, documentation, tuple(labels), read, from_database)


def select(statement: str, *parameters: str | int) -> dict[tuple[str, ...], float]:
    """The rows of a statement as values: the last column is the number, the others are its labels."""
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return {tuple(map(str, labels)): float(number) for *labels, number in cursor.fetchall()}


def select_each(labels: Iterable[str], statement: str, *parameters: str | int) -> dict[tuple[str, ...], float]:
    """As `select` with one label, of which each of `labels` is shown: without a row it is zero."""
    return {(label,): 0.0 for label in labels} | select(statement, *parameters)


def every_gauge() -> list[Gauge]:
    return list(_gauges.values())


class GaugeCollector(Collector):
    """prometheus-client's interface: everything that is registered, read now."""

    def collect(self) -> Iterable[Metric]:
        deadline = time.monotonic() + BUDGET_SECONDS
        for gauge in every_gauge():
            if not gauge.from_database:
                yield from _read_guarded(gauge)
        from_database = [gauge for gauge in every_gauge() if gauge.from_database]
        reason = _why_database_is_unavailable()
        if reason:
            _database_log.record_failure(reason=reason)
        else:
            _database_log.record_answer()
        for gauge in from_database:
            if reason or outage.active:
                FAILURES.labels(gauge.name).inc()
            elif time.monotonic() > deadline:
                FAILURES.labels(gauge.name).inc()
                log.warning("gauge_left_out", gauge=gauge.name, reason="the scrape took too long")
            else:
                yield from _read_guarded(gauge)


def _read_guarded(gauge: Gauge) -> Iterator[Metric]:
    try:
        yield gauge.family()
    except Exception as error:  # whatever a reader raises, the other gauges are shown
        FAILURES.labels(gauge.name).inc()
        log.warning("gauge_left_out", gauge=gauge.name, reason=str(error).strip())


def _why_database_is_unavailable() -> str:
    """Empty if it is available. Asked once, so that a scrape waits for a connection once, and not for each gauge."""
    for name in ("database", "schema"):
        result = health.results()[name]
        if result.state is not State.UP:
            return f"{name}: {result.reason}"
    try:
        connection.ensure_connection()
    except UNAVAILABLE_ERRORS as error:
        return str(error).strip()
    return ""


def registry(*gauges: Collector) -> CollectorRegistry:
    """The metrics of all processes that share PROMETHEUS_MULTIPROC_DIR, or of this process. `gauges` come first, since
    reading them is counted."""
    shown = CollectorRegistry()
    for gauge in gauges:
        shown.register(gauge)
    if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        MultiProcessCollector(shown)  # type: ignore[no-untyped-call]
    else:
        shown.register(REGISTRY)
    return shown
