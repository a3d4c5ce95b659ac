"""The dependencies by name, and whether they are available.

Each app registers its own. Threads probe them every PROBE_EVERY seconds, so that one that hangs delays neither a health
check nor a scrape: both read the last results.
"""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

import structlog
from django.db import connection, connections

from apps.core import cache
from apps.core.db.deadline import QueryDeadline, outage
from apps.core.ops import schema
from apps.core.ops.availability import AvailabilityLog

log = structlog.get_logger(__name__)

PROBE_EVERY = 5.0  # seconds
# For the queries of one probe.
QUERY_SECONDS = 3.0
# A probe that takes longer hangs, and its dependency counts as unavailable.
STALE_AFTER = 20.0
# How long the first health check or scrape of a process waits for the first results.
FIRST_RESULTS_SECONDS = 4.0


class State(StrEnum):
    """`unknown`: not checked, because something that the dependency requires is down."""

    UP = "up"
    DOWN = "down"
    UNKNOWN = "unknown"


class Unhealthy(Exception):
    """A check found a fault. The message is public: `/health/ready` shows it."""


@dataclass(frozen=True)
class Result:
    """`at`: the time.monotonic() of the end of the probe. `reason` is public, `error` is not."""

    state: State
    at: float
    reason: str = ""
    error: str = ""

    @property
    def age(self) -> float:
        """In seconds."""
        return time.monotonic() - self.at


@dataclass(frozen=True)
class Dependency:
    """`check` raises an exception while the dependency is unavailable. Without a `needed` one no request can be served.

    Each of `requires` must be up before this one is checked; the first is probed by the same thread. `fault` is what is
    wrong while this one is down, for example "Redis is down".
    """

    name: str
    check: Callable[[], object]
    needed: bool
    requires: tuple[str, ...]
    fault: str
    log: AvailabilityLog

    @property
    def may_be_late(self) -> bool:
        """Whether it is a process that starts independently of this one."""
        return bool(self.requires) and not self.needed

    def probe(self, results: Mapping[str, Result]) -> Result:
        """`results`: of the dependencies that were probed before."""
        for name in self.requires:
            if name in results and results[name].state is not State.UP:
                return Result(State.UNKNOWN, time.monotonic(), f"Not checked: {root_fault(name, results)}.")
        try:
            with QueryDeadline(QUERY_SECONDS):
                self.check()
        except Unhealthy as error:
            return Result(State.DOWN, time.monotonic(), str(error), str(error))
        except Exception as error:  # whatever a client library raises
            outage.observe_error(error)
            return Result(
                State.DOWN, time.monotonic(), "It does not answer.", f"{type(error).__name__}: {error}".strip()
            )
        return Result(State.UP, time.monotonic())


class Monitor:
    """Probes the dependencies in threads and keeps the last result of each."""

    def __init__(self) -> None:
        self._results: dict[str, Result] = {}
        # What has been up since this process started.
        self._seen: set[str] = set()
        self._threads: dict[str, threading.Thread] = {}
        self._wait_until = 0.0
        self._stopping = threading.Event()
        self._probed = threading.Condition()

    def results(self) -> dict[str, Result]:
        """The last results. The first call in a process starts the threads and waits for their first results."""
        with self._probed:
            if not self._threads:
                self._wait_until = time.monotonic() + FIRST_RESULTS_SECONDS
            self._start_threads()
            remaining = max(0.0, self._wait_until - time.monotonic())
            self._probed.wait_for(lambda: self._results.keys() >= _dependencies.keys(), remaining)
            return {name: self._result(name) for name in _dependencies}

    def stop(self) -> None:
        """Each thread ends after its current probe."""
        self._stopping.set()

    def _result(self, name: str) -> Result:
        result = self._results.get(name)
        if result is None:
            return Result(State.DOWN, time.monotonic() - FIRST_RESULTS_SECONDS, "It has not answered yet.")
        if result.age > STALE_AFTER:
            return Result(State.DOWN, result.at, f"It has not answered for {result.age:.0f} s.")
        return result

    def _start_threads(self) -> None:
        """One for each server. A thread does not survive a fork."""
        for name in (dependency.name for dependency in _dependencies.values() if not dependency.requires):
            if name not in self._threads or not self._threads[name].is_alive():
                self._threads[name] = threading.Thread(
                    target=self._run, args=(name,), name=f"probe-{name}", daemon=True
                )
                self._threads[name].start()

    def _run(self, server: str) -> None:
        while True:
            for dependency in list(_dependencies.values()):
                if server in (dependency.name, *dependency.requires[:1]):
                    self._probe(dependency)
            # Returns the connection of this thread to the pool.
            connections.close_all()
            if self._stopping.wait(PROBE_EVERY):
                return

    def _probe(self, dependency: Dependency) -> None:
        result = dependency.probe(self._results)
        with self._probed:
            self._results[dependency.name] = result
            self._probed.notify_all()
        if result.state is State.UP:
            self._seen.add(dependency.name)
            dependency.log.record_answer(dependency=dependency.name)
        # Processes that start together with this one have no heartbeat at first.
        elif result.state is State.DOWN and (dependency.name in self._seen or not dependency.may_be_late):
            dependency.log.record_failure(dependency=dependency.name, error=result.error)


_dependencies: dict[str, Dependency] = {}
_monitor = Monitor()


def register(
    name: str, check: Callable[[], object], *, needed: bool, fault: str, requires: tuple[str, ...] = ()
) -> None:
    changes = AvailabilityLog(log, unavailable="dependency_down", recovered="dependency_recovered")
    _dependencies[name] = Dependency(name, check, needed, requires, fault, changes)


def results() -> dict[str, Result]:
    """The last result of each dependency, by name."""
    return _monitor.results()


def probe(*names: str) -> dict[str, Result]:
    """Probe these dependencies, by default all, and what they require, in this thread. For commands."""
    found: dict[str, Result] = {}
    for name in names or _dependencies:
        for each in (*_dependencies[name].requires, name):
            if each not in found:
                found[each] = _dependencies[each].probe(found)
    return found


def root_fault(name: str, results: Mapping[str, Result]) -> str:
    """What is wrong with a dependency that is not up: its own fault, or that of one that it requires."""
    for required in _dependencies[name].requires:
        if required in results and results[required].state is not State.UP:
            return root_fault(required, results)
    return _dependencies[name].fault


def report() -> tuple[str, dict[str, Result]]:
    """("ok" | "degraded" | "unavailable", the results by name)"""
    found = results()
    if any(_dependencies[name].needed and result.state is not State.UP for name, result in found.items()):
        return "unavailable", found
    return "ok" if all(result.state is State.UP for result in found.values()) else "degraded", found


# ── The dependencies of `core` ───────────────────────────────────────────────────────────────────────────
def _check_database() -> None:
    if outage.active:
        raise Unhealthy("It does not answer.")
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


def _check_schema() -> None:
    if missing := schema.unapplied():
        example = ".".join(missing[0])
        raise Unhealthy(f"{len(missing)} migrations are not applied, for example {example}. Run manage.py migrate.")


register("database", _check_database, needed=True, fault="PostgreSQL is down")
register("schema", _check_schema, needed=True, fault="migrations are not applied", requires=("database",))
register("cache", lambda: cache.call(lambda client: client.ping()), needed=False, fault="Redis is down")
