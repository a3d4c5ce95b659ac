"""PostgreSQL killed, started again and frozen under a real gunicorn (C8)."""

import threading
import time

import psycopg
import pytest
from django.conf import settings
from django.db import connection
from psycopg import OperationalError
from psycopg_pool import PoolTimeout

from apps.core.db.deadline import Outage
from tests.faults.conftest import Mortal
from tests.waiting import eventually

# A request ends within five seconds on an idle machine. Twice as much is allowed where other processes use its cores;
# without a deadline a request would wait until the client gives up.
IN_TIME = 10
# Its schema is copied.
pytestmark = [pytest.mark.slow, pytest.mark.django_db, pytest.mark.xdist_group("mortal")]


def timed(mortal: Mortal, count: int) -> tuple[set[int], float]:
    """The statuses of so many requests at once, and how long the slowest took."""
    begun = time.monotonic()
    answers = mortal.ask_at_once(count)
    for answer in answers:
        if answer.status_code == 503:
            assert answer.json()["code"] == "unavailable"
            assert answer.headers["Retry-After"]
    return {answer.status_code for answer in answers}, time.monotonic() - begun


@pytest.mark.promise("C8")
def test_killed_database_gives_503_and_recovers(mortal: Mortal) -> None:
    mortal.ask_at_once(16)
    mortal.stop_database()
    # Twice as many as there are threads: those behind the first wait for these as well.
    statuses, seconds = timed(mortal, 32)
    assert (statuses, seconds < IN_TIME) == ({503}, True)
    statuses, seconds = timed(mortal, 4)
    assert (statuses, seconds < 3) == ({503}, True), "what is known was found out again"
    mortal.start_database()
    mortal.await_answer()
    assert timed(mortal, 32)[0] == {404}, "a connection of the time before was given to somebody"


@pytest.mark.promise("C8")
def test_restart_of_an_idle_database_fails_no_request(mortal: Mortal) -> None:
    mortal.ask_at_once(16)
    mortal.stop_database()
    mortal.start_database()
    assert timed(mortal, 32)[0] == {404}


@pytest.mark.promise("C8")
def test_frozen_database_gives_503_in_time_and_recovers(mortal: Mortal) -> None:
    mortal.ask_at_once(16)
    with mortal.frozen_database():
        statuses, seconds = timed(mortal, 32)
        assert (statuses, seconds < IN_TIME) == ({503}, True)
        begun = time.monotonic()
        health = mortal.ask("/health/ready").json()
        assert (health["status"], health["checks"]["database"]) == ("unavailable", "down")
        assert time.monotonic() - begun < IN_TIME
    mortal.await_answer()
    assert timed(mortal, 32)[0] == {404}


@pytest.mark.promise("C8")
def test_lock_wait_gives_503_in_time(mortal: Mortal) -> None:
    with psycopg.connect(mortal.postgres.url) as blocker:
        blocker.execute("LOCK TABLE accounts_user")
        statuses, seconds = timed(mortal, 2)
        assert (statuses, seconds < IN_TIME) == ({503}, True)
    assert mortal.await_answer() < 5, "one lock was taken for an outage"


@pytest.mark.promise("C8")
@pytest.mark.parametrize(
    "bound",
    [
        "statement_timeout",
        "lock_timeout",
        "idle_in_transaction_session_timeout",
        # Ends a statement that nobody waits for any more.
        "client_connection_check_interval",
    ],
)
def test_sessions_have_server_side_timeouts(bound: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT setting::int FROM pg_settings WHERE name = %s", [bound])
        assert 0 < cursor.fetchone()[0] <= 30_000


class TestWhatAProcessKnows:
    @pytest.fixture
    def outage(self, monkeypatch: pytest.MonkeyPatch) -> Outage:
        """Nobody has had an answer for a minute, and whoever looks finds nothing until `back` is set."""

        def look() -> None:
            if not self.back.is_set():
                raise OperationalError

        self.back = threading.Event()
        outage = Outage(look)
        monkeypatch.setattr(outage, "_answered_at", time.monotonic() - 60)
        monkeypatch.setattr("apps.core.db.deadline.PROBE_EVERY", 0.01)
        return outage

    def test_single_slow_statement_is_not_an_outage(self, outage: Outage) -> None:
        outage.record_answer()
        outage.record_timeout()
        assert not outage.active

    def test_response_after_a_wait_began_does_not_hide_an_outage(
        self, outage: Outage, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A request that is let in before another one has failed would wait as long again."""
        monkeypatch.setattr(outage, "_answered_at", time.monotonic() - settings.DATABASE_POOL_TIMEOUT_SECONDS + 0.01)
        outage.observe_error(PoolTimeout("none to be had"))
        assert outage.active
        self.back.set()

    def test_other_errors_are_not_an_outage(self, outage: Outage) -> None:
        outage.observe_error(OperationalError("deadlock detected"))
        assert not outage.active

    @pytest.mark.parametrize("wrapped", [True, False])
    def test_outage_lasts_until_the_database_responds(self, outage: Outage, wrapped: bool) -> None:
        error: BaseException = PoolTimeout("none to be had")
        if wrapped:
            theirs, error = error, RuntimeError("Django's own")
            error.__cause__ = theirs
        outage.observe_error(error)
        time.sleep(0.05)
        assert outage.active
        self.back.set()
        eventually(lambda: not outage.active, every=0.01)
