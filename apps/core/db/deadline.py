"""Patience with PostgreSQL: how long a request waits for it, and what happens while it is away (promise C8).

PostgreSQL's own timeouts run on its clock and stop with it, and libpq waits for an answer without end: a frozen server,
or a network that swallows packets, would hold every thread. So a request has REQUEST_SECONDS for all that it asks,
counted here; what is not answered then is a 503. Jobs have the time limits of their tasks instead.
"""

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from contextvars import ContextVar
from functools import cached_property
from time import monotonic
from typing import Any

import structlog
from django import db
from django.db import DEFAULT_DB_ALIAS, connection, connections
from psycopg import Connection, Cursor, OperationalError
from psycopg.abc import RV, PQGen, Query
from psycopg.errors import _WaitTimeout
from psycopg.rows import TupleRow
from psycopg_pool import PoolTimeout

from apps.core.postgresql.base import DatabaseWrapper

log = structlog.get_logger(__name__)
REQUEST_SECONDS = 4.0
# A request that was late for another reason still gets an answer to a statement of the usual kind.
LAST_SECONDS = 0.4
# For a connection of the pool. A process has more of them than threads: who waits, waits for one that cannot be made.
POOL_SECONDS = 3.0
LOOK_EVERY = 0.5  # seconds
# Who waited in vain while nobody had an answer for so long knows of an outage. Shorter than what anybody waits: the
# last answer may have come when the first was waiting already.
SILENCE_SECONDS = 2.0
# A server that has answered so lately has not been restarted since: an empty one takes twice as long.
FRESH_SECONDS = 0.1
# What Django raises of a database that is away; a PoolTimeout, too, comes as its OperationalError.
AWAY = (db.OperationalError, db.InterfaceError)

_deadline: ContextVar[float | None] = ContextVar("database_deadline", default=None)


class Patience:
    """All that is asked of the database within is to be answered in so many seconds from now."""

    def __init__(self, seconds: float = REQUEST_SECONDS) -> None:
        self._seconds = seconds

    def __enter__(self) -> None:
        self._token = _deadline.set(monotonic() + self._seconds)

    def __exit__(self, *_: object) -> None:
        _deadline.reset(self._token)


class Outage:
    """Whether somebody in this process has waited for the database in vain, and nobody has had an answer of late.

    Requests are refused at once meanwhile: if each waited, those behind them would wait twice as long. A thread looks
    whether the database is back.
    """

    def __init__(self, look: Callable[[], object]) -> None:
        """`look` raises while the database is away."""
        self.lasts = False
        self._look = look
        self._answered_at = monotonic()
        self._beginning = threading.Lock()

    def answered(self) -> None:
        self._answered_at = monotonic()
        self.lasts = False

    def waited_in_vain(self) -> None:
        """Of one statement that alone is slow, nothing follows: others were answered meanwhile."""
        with self._beginning:
            if self.lasts or monotonic() - self._answered_at < SILENCE_SECONDS:
                return
            self.lasts = True
        log.error("database_outage")
        threading.Thread(target=self._watch, name="outage", daemon=True).start()

    def learn_from(self, error: BaseException) -> None:
        """What ended a request: no connection was to be had, or something that tells nothing."""
        if isinstance(error, PoolTimeout) or isinstance(error.__cause__, PoolTimeout):
            self.waited_in_vain()

    def _watch(self) -> None:
        while self.lasts:
            with suppress(OperationalError):
                self._look()
                self.answered()
            time.sleep(LOOK_EVERY)
        log.info("database_is_back")


class PatientConnection(Connection[TupleRow]):
    """A connection of the pool that gives up at the deadline of the request at hand. It is closed then, which ends the
    statement on the server, too (`client_connection_check_interval`).

    One whose session is over tells the pool to replace those at rest: they were with the same server.
    """

    _answered_at = 0.0

    def execute(self, query: Query, *args: Any, **kwargs: Any) -> Cursor[TupleRow]:
        """The pool asks by an empty query whether a connection still answers, each time that it gives one away; one
        that has just answered is not asked."""
        if query == "" and monotonic() - self._answered_at < FRESH_SECONDS:
            return self._resting
        return super().execute(query, *args, **kwargs)

    @cached_property
    def _resting(self) -> Cursor[TupleRow]:
        return self.cursor()

    def wait(self, gen: PQGen[RV], *args: Any, **kwargs: Any) -> RV:
        deadline = _deadline.get()
        if deadline is not None:
            kwargs.setdefault("timeout", max(deadline - monotonic(), LAST_SECONDS))
        try:
            answer = super().wait(gen, *args, **kwargs)
        except _WaitTimeout as error:
            if deadline is None:
                raise
            self.pgconn.finish()
            outage.waited_in_vain()
            raise OperationalError("the database did not answer in time") from error
        except OperationalError as error:
            # A server that stops says so, and libpq believes it only at the next attempt.
            if self.closed or error.diag.severity_nonlocalized in ("FATAL", "PANIC"):
                self._lost()
            raise
        self._answered_at = monotonic()
        outage.answered()
        return answer

    def _lost(self) -> None:
        self.pgconn.finish()
        pool = getattr(self, "_pool", None)
        if pool is not None:
            pool.drain()


def give_up_pool() -> None:
    """Of a process that does one thing at a time and has found the database away: a pool waits ever longer between its
    attempts, and what comes next begins with one that attempts at once."""
    own = connections[DEFAULT_DB_ALIAS]
    own.close()
    if isinstance(own, DatabaseWrapper):
        own.close_pool()


def _look() -> None:
    """Through a connection of its own: the pool's have their own pauses."""
    with PatientConnection.connect(**connection.get_connection_params()) as fresh, Patience(1):
        fresh.execute("SELECT 1")


outage = Outage(_look)
