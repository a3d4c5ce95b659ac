"""Advisory locks of PostgreSQL, which hold in all processes together."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress

from django.db import DEFAULT_DB_ALIAS, Error, connection, connections

_NAME = "photogram:only-one:"


def transaction_lock(name: str) -> None:
    """Wait for the lock `name` and hold it until the present transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [name])


def try_transaction_lock(name: str) -> bool:
    """Take the lock `name` until the present transaction ends, unless another transaction holds it. Returns whether it
    was taken."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(hashtextextended(%s, 0))", [name])
        return bool(cursor.fetchone()[0])


@contextmanager
def only_one(name: str) -> Iterator[bool]:
    """Yields whether this process has got the lock `name`, at once. If so, no other gets it until the block ends or the
    process dies.

    It is an advisory lock of a transaction on a connection of its own: no session state, so that PgBouncer may pool
    transactions; no snapshot and no id, so that it does not hold back vacuum; and it is independent of the transactions
    of the work itself, which may be many.
    """
    own = connections.create_connection(DEFAULT_DB_ALIAS)
    try:
        with own.cursor() as cursor:
            cursor.execute("BEGIN ISOLATION LEVEL READ COMMITTED")
            cursor.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
            # A machine that vanishes closes no connection: without an answer for a minute, it counts as dead.
            cursor.execute(
                "SET LOCAL tcp_keepalives_idle = 30; "
                "SET LOCAL tcp_keepalives_interval = 10; SET LOCAL tcp_keepalives_count = 3"
            )
            cursor.execute("SELECT pg_try_advisory_xact_lock(hashtextextended(%s, 0))", [_NAME + name])
            held: bool = cursor.fetchone()[0]
        yield held
    finally:
        # Where the database has gone away, the lock has gone with it.
        with suppress(Error), own.cursor() as cursor:
            cursor.execute("ROLLBACK")
        own.close()
