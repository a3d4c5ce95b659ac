"""Probes of dependencies in the background: what hangs delays nothing, and changes are logged once."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest
import redis
from django.db import OperationalError

from apps.core import cache
from apps.core.db.deadline import outage
from apps.core.ops import health, schema
from apps.core.ops.health import Monitor, State
from apps.core.tasks import heartbeats
from apps.media import storage
from tests.waiting import eventually

breaker = cache.Breaker()
heart = heartbeats.Heart("relay")
availability = storage.AvailabilityCheck()


class Switch:
    """A dependency that a test turns off, or makes hang."""

    def __init__(self) -> None:
        self.works = True
        self.probes = 0
        self.answers = threading.Event()
        self.answers.set()

    def check(self) -> None:
        self.answers.wait(30)
        self.probes += 1
        if not self.works:
            raise ConnectionError("connection refused by 10.0.0.7")


@pytest.fixture
def switches(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Switch]]:
    """`switches("cache")` registers a dependency. There are no others."""
    made: list[Switch] = []
    monkeypatch.setattr(health, "_dependencies", {})
    monkeypatch.setattr(health, "PROBE_EVERY", 0.01)
    monkeypatch.setattr(health, "FIRST_RESULTS_SECONDS", 0.3)

    def make(name: str, **options: Any) -> Switch:
        made.append(switch := Switch())
        health.register(name, switch.check, **{"needed": False, "fault": f"{name} is down"} | options)
        return switch

    yield make
    for switch in made:
        switch.answers.set()


@pytest.fixture
def monitor(switches: Callable[..., Switch]) -> Iterator[Monitor]:
    monitor = Monitor()
    yield monitor
    monitor.stop()


def states(monitor: Monitor) -> dict[str, State]:
    return {name: result.state for name, result in monitor.results().items()}


def test_results_are_there_at_the_first_call(switches: Callable[..., Switch], monitor: Monitor) -> None:
    switches("cache")
    switches("storage").works = False
    assert states(monitor) == {"cache": State.UP, "storage": State.DOWN}


def test_hanging_dependency_delays_no_other(
    switches: Callable[..., Switch], monitor: Monitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    hanging, cache = switches("storage"), switches("cache")
    hanging.answers.clear()
    assert states(monitor) == {"storage": State.DOWN, "cache": State.UP}
    hanging.answers.set()
    eventually(lambda: states(monitor)["storage"] is State.UP)
    hanging.answers.clear()
    begun, probes = time.monotonic(), cache.probes
    assert states(monitor) == {"storage": State.UP, "cache": State.UP}, "the last results"
    assert time.monotonic() - begun < 0.2
    eventually(lambda: cache.probes > probes)
    monkeypatch.setattr(health, "STALE_AFTER", 0.05)
    eventually(lambda: states(monitor)["storage"] is State.DOWN)
    assert monitor.results()["storage"].age > 0.05


def test_consequences_of_an_outage_are_unknown(switches: Callable[..., Switch]) -> None:
    database = switches("database", needed=True)
    switches("schema", needed=True, requires=("database",))
    relay = switches("relay", requires=("database", "schema"))
    database.works = False
    results = health.probe()
    assert [result.state for result in results.values()] == [State.DOWN, State.UNKNOWN, State.UNKNOWN]
    assert results["relay"].reason == "Not checked: database is down."
    assert relay.probes == 0
    assert "10.0.0.7" in results["database"].error
    assert "10.0.0.7" not in results["database"].reason


@pytest.mark.parametrize(
    ("down", "status"), [("", "ok"), ("cache", "degraded"), ("database", "unavailable"), ("schema", "unavailable")]
)
def test_status_follows_from_the_needed_dependencies(
    switches: Callable[..., Switch], monkeypatch: pytest.MonkeyPatch, down: str, status: str
) -> None:
    made = {
        "database": switches("database", needed=True),
        "schema": switches("schema", needed=True, requires=("database",)),
        "cache": switches("cache"),
    }
    if down:
        made[down].works = False
    assert health.report()[0] == status


def test_changes_are_logged_once(
    switches: Callable[..., Switch], monitor: Monitor, json_log: Callable[[], list[dict[str, Any]]]
) -> None:
    cache = switches("cache")
    monitor.results()
    for works in (False, True):
        cache.works = works
        eventually(lambda works=works: (states(monitor)["cache"] is State.UP) is works)
        probes = cache.probes
        eventually(lambda probes=probes: cache.probes > probes + 3)
    assert [(line["event"], line["dependency"]) for line in json_log()] == [
        ("dependency_down", "cache"),
        ("dependency_recovered", "cache"),
    ]


def attempt_cache(works: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    def command(client: Any) -> None:
        if not works:
            raise redis.ConnectionError("refused")

    breaker.reset()
    with suppress(cache.RedisUnavailable):
        breaker.call(command)


def attempt_heartbeat(works: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    def beat(name: str) -> None:
        if not works:
            raise OperationalError("refused")

    monkeypatch.setattr(heartbeats, "EVERY", -1.0)
    monkeypatch.setattr(heartbeats, "beat", beat)
    heart.beat()


def attempt_storage(works: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    def ping() -> None:
        if not works:
            raise storage.StorageError("refused")

    monkeypatch.setattr(storage, "ping", ping)
    availability.reset()
    assert availability.is_available() is works


@pytest.mark.parametrize(
    ("attempt", "unavailable", "recovered"),
    [
        (attempt_cache, "redis_unavailable", "redis_recovered"),
        (attempt_heartbeat, "heartbeat_failed", "heartbeat_recovered"),
        (attempt_storage, "storage_unavailable", "storage_recovered"),
    ],
)
def test_outage_is_logged_when_it_begins_and_ends(
    attempt: Callable[[bool, pytest.MonkeyPatch], None],
    unavailable: str,
    recovered: str,
    json_log: Callable[[], list[dict[str, Any]]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for works in (True, False, False, False, True, True):
        attempt(works, monkeypatch)
    assert [line["event"] for line in json_log()] == [unavailable, recovered]


def test_process_without_a_first_heartbeat_is_no_change(
    switches: Callable[..., Switch], monitor: Monitor, json_log: Callable[[], list[dict[str, Any]]]
) -> None:
    switches("database")
    switches("relay", requires=("database",)).works = False
    assert states(monitor)["relay"] is State.DOWN
    assert not json_log()


@pytest.mark.django_db
def test_migrated_database_has_no_unapplied_migrations(django_assert_max_num_queries: Any) -> None:
    schema.unapplied()
    with django_assert_max_num_queries(2):
        assert schema.unapplied() == []


@pytest.mark.django_db
def test_outage_of_the_database_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outage, "active", True)
    begun = time.monotonic()
    assert health.probe("schema")["database"].state is State.DOWN
    assert time.monotonic() - begun < 1
