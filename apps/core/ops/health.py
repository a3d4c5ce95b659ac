"""The dependencies, by name: each context registers those that it brings."""

from collections.abc import Callable
from dataclasses import dataclass

import structlog
from django.db import connection

from apps.core import cache
from apps.core.db.deadline import outage

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Dependency:
    """`check` raises when the dependency is away; without a `needed` one, no request can be served. One that the
    `database` knows of is not asked for while that is away: each would wait for as long as the one before."""

    name: str
    needed: bool
    database: bool
    check: Callable[[], object]

    def is_up(self) -> bool:
        if self.database and outage.active:
            return False
        try:
            self.check()
        except Exception as error:  # whatever a client library raises, the answer is "down", and the log says why
            outage.observe_error(error)
            log.warning("dependency_down", dependency=self.name, error=str(error))
            return False
        return True


_dependencies: dict[str, Dependency] = {}


def register(name: str, check: Callable[[], object], *, needed: bool, database: bool = False) -> None:
    _dependencies[name] = Dependency(name, needed, database, check)


def report() -> tuple[str, dict[str, str]]:
    """("ok" | "degraded" | "unavailable", {name: "up" | "down"})."""
    up = {dependency: dependency.is_up() for dependency in _dependencies.values()}
    checks = {dependency.name: "up" if alive else "down" for dependency, alive in up.items()}
    if any(dependency.needed and not alive for dependency, alive in up.items()):
        return "unavailable", checks
    return "ok" if all(up.values()) else "degraded", checks


def _database() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


register("database", _database, needed=True, database=True)
register("cache", lambda: cache.call(lambda client: client.ping()), needed=False)
