"""Deadlines for queries, and what a process does while PostgreSQL is unavailable (promise C8).

PostgreSQL's own timeouts run on its clock and stop with it, and libpq waits for an answer without end: a frozen server,
whose kernel still acknowledges packets, would block every thread. Therefore a request has REQUEST_SECONDS for all its
queries, measured here. A thread shuts down the socket of a connection that waits longer; the query then fails with an
OperationalError, and the request is answered with 503. Tasks have the time limits of their queue instead.
"""

import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from time import monotonic
from typing import Any

import structlog
from django import db
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.backends.postgresql.base import DatabaseWrapper
from psycopg import Connection, OperationalError
from psycopg.abc import RV, PQGen
from psycopg.rows import TupleRow
from psycopg_pool import PoolTimeout

log = structlog.get_logger(__name__)
REQUEST_SECONDS = 4.0
# A request that was late for another reason still gets the answer to an ordinary statement.
MIN_TIMEOUT = 0.4
# How often the deadlines of waiting connections are checked, and how often an outage is probed.
CHECK_EVERY = 0.1
PROBE_EVERY = 0.5
# A timeout means an outage if the process has had no answer for so long. It is shorter than every timeout, since the
# last answer may have come after the first request began to wait.
SILENCE_SECONDS = 2.0
# What Django raises when the database is unavailable; a PoolTimeout, too, is wrapped in its OperationalError.
UNAVAILABLE_ERRORS = (db.OperationalError, db.InterfaceError)

_deadline: ContextVar[float | None] = ContextVar("query_deadline", default=None)


class QueryTimeout(OperationalError):
    """The database did not answer before the QueryDeadline."""


class QueryDeadline:
    """Context manager: all queries of the block must be answered within `seconds` from its beginning."""

    def __init__(self, seconds: float = REQUEST_SECONDS) -> None:
        self._seconds = seconds

    def __enter__(self) -> None:
        self._token = _deadline.set(monotonic() + self._seconds)

    def __exit__(self, *_: object) -> None:
        _deadline.reset(self._token)


class Outage:
    """Whether the database is unavailable to this process: a query timed out and no other was answered lately.

    Requests are refused at once meanwhile: if each waited, those queued behind them would wait twice as long. A thread
    probes the database until it answers.
    """

    def __init__(self, probe: Callable[[], object]) -> None:
        """`probe` raises while the database is unavailable."""
        self.active = False
        self._probe = probe
        self._answered_at = monotonic()
        self._lock = threading.Lock()

    def record_answer(self) -> None:
        self._answered_at = monotonic()
        self.active = False

    def record_timeout(self) -> None:
        """Begins the outage, unless other queries were answered meanwhile: then only one statement was slow."""
        with self._lock:
            if self.active or monotonic() - self._answered_at < SILENCE_SECONDS:
                return
            self.active = True
        log.error("database_outage")
        threading.Thread(target=self._watch, name="outage", daemon=True).start()

    def observe_error(self, error: BaseException) -> None:
        """Records a timeout if `error` says that the pool had no connection in time."""
        if isinstance(error, PoolTimeout) or isinstance(error.__cause__, PoolTimeout):
            self.record_timeout()

    def _watch(self) -> None:
        while self.active:
            with suppress(OperationalError):
                self._probe()
                self.record_answer()
            time.sleep(PROBE_EVERY)
        log.info("database_recovered")


class DeadlineWatch:
    """The connections that wait for an answer, and a thread that shuts down the sockets of those that are overdue."""

    def __init__(self) -> None:
        self._waiting: dict[Connection[Any], float] = {}
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    @contextmanager
    def limit(self, connection: Connection[Any]) -> Iterator[None]:
        """The block waits for `connection`, and raises QueryTimeout after the QueryDeadline around it, if there is one.

        A socket is shut down only while its connection is in such a block, so never under another user of it."""
        deadline = _deadline.get()
        if deadline is None:
            yield
            return
        self._add(connection, max(deadline, monotonic() + MIN_TIMEOUT))
        try:
            yield
        except OperationalError as error:
            if not self._remove(connection):
                raise QueryTimeout("the database did not answer in time") from error
            raise
        finally:
            self._remove(connection)

    def _add(self, connection: Connection[Any], deadline: float) -> None:
        with self._lock:
            self._waiting[connection] = deadline
            # A thread does not survive a fork.
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="deadlines", daemon=True)
                self._thread.start()

    def _remove(self, connection: Connection[Any]) -> bool:
        """Whether the connection was still within its deadline."""
        with self._lock:
            return self._waiting.pop(connection, None) is not None

    def _run(self) -> None:
        while True:
            time.sleep(CHECK_EVERY)
            now = monotonic()
            with self._lock:
                for connection in [waiting for waiting, deadline in self._waiting.items() if deadline < now]:
                    del self._waiting[connection]
                    _shut_down(connection)


def _shut_down(connection: Connection[Any]) -> None:
    """Ends the connection for the thread that waits for it. The server ends the statement as well, soon
    (`client_connection_check_interval`)."""
    with suppress(OSError, OperationalError), socket.socket(fileno=os.dup(connection.fileno())) as duplicate:
        duplicate.shutdown(socket.SHUT_RDWR)


class DeadlineConnection(Connection[TupleRow]):
    """A connection that keeps to the QueryDeadline of the block in which it is used.

    When the server has ended its session, the pool replaces the idle connections: they were with the same server.
    """

    def wait(self, gen: PQGen[RV], *args: Any, **kwargs: Any) -> RV:
        try:
            with watch.limit(self):
                answer = super().wait(gen, *args, **kwargs)
        except QueryTimeout:
            self.close()
            outage.record_timeout()
            raise
        except OperationalError as error:
            # A server that shuts down says so, and libpq notices the end of the session only at the next query.
            if self.closed or error.diag.severity_nonlocalized in ("FATAL", "PANIC"):
                self.close()
                _drain_pool()
            raise
        outage.record_answer()
        return answer


def _drain_pool() -> None:
    own = connections[DEFAULT_DB_ALIAS]
    if isinstance(own, DatabaseWrapper) and own.pool:
        own.pool.drain()


def reset_pool() -> None:
    """Close the pool of a process that does one thing at a time and has found the database unavailable. A pool waits
    ever longer between its attempts to connect; the next query begins with a new pool, which attempts at once."""
    own = connections[DEFAULT_DB_ALIAS]
    own.close()
    if isinstance(own, DatabaseWrapper):
        own.close_pool()


def _probe() -> None:
    """Through a connection of its own: those of the pool have pauses between their attempts."""
    parameters = connections[DEFAULT_DB_ALIAS].get_connection_params()
    with DeadlineConnection.connect(**parameters) as fresh, QueryDeadline(1):
        fresh.execute("SELECT 1")


outage = Outage(_probe)
watch = DeadlineWatch()
