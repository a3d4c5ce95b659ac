"""Django's backend for PostgreSQL, with a pool that works as a stack. Decision 88."""

from collections.abc import Callable
from typing import Any

from django.db.backends.base.base import NO_DB_ALIAS
from django.db.backends.postgresql import base
from psycopg import Connection
from psycopg_pool import ConnectionPool


class Stack(ConnectionPool[Connection[Any]]):
    """Gives away the session that came back last, where psycopg's own pool takes turns with all of them: what a session
    has just used is still in the processor's caches, and one that is not needed rests until `max_idle` ends it."""

    def _get_ready_connection(self, timeout: float | None) -> Connection[Any] | None:
        # The library takes the first, and puts what comes back behind the last.
        self._pool.rotate(1)
        return super()._get_ready_connection(timeout)


class DatabaseWrapper(base.DatabaseWrapper):
    """As Django's, which knows no other pool than psycopg's."""

    # Django's own, which its type stubs do not name.
    _connection_pools: dict[str, Stack]
    _configure_connection: Callable[[Connection[Any]], None]

    @property
    def pool(self) -> Stack | None:
        options = self.settings_dict["OPTIONS"].get("pool")
        if self.alias == NO_DB_ALIAS or not options:
            return None
        if self.alias not in self._connection_pools:
            # Of two threads at once the first wins: a pool that has not been opened holds nothing.
            self._connection_pools.setdefault(self.alias, self._stack(options))
        return self._connection_pools[self.alias]

    def _stack(self, options: dict[str, Any]) -> Stack:
        return Stack(
            kwargs=self.get_connection_params() | {"autocommit": True},
            open=False,
            configure=self._configure_connection,
            check=Stack.check_connection if self.settings_dict["CONN_HEALTH_CHECKS"] else None,
            **options,
        )
