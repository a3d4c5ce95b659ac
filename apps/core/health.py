"""The dependencies, by name: each context registers those that it brings."""

from collections.abc import Callable
from dataclasses import dataclass

import structlog
from django.db import connection

from apps.core import redis

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Dependency:
    """`check` raises when the dependency is away; without a `needed` one, no request can be served. What is reached
    `through` another is not asked while that is away, or each such question would wait for it once more."""

    name: str
    needed: bool
    check: Callable[[], object]
    through: str

    def is_up(self) -> bool:
        try:
            self.check()
        except Exception as error:  # whatever a client library raises, the answer is "down", and the log says why
            log.warning("dependency_down", dependency=self.name, error=str(error))
            return False
        return True


_dependencies: dict[str, Dependency] = {}


def register(name: str, check: Callable[[], object], *, needed: bool, through: str = "") -> None:
    """Register what it is reached `through` first."""
    _dependencies[name] = Dependency(name, needed, check, through)


def report() -> tuple[str, dict[str, str]]:
    """("ok" | "degraded" | "unavailable", {name: "up" | "down"})."""
    up: dict[str, bool] = {}
    for dependency in _dependencies.values():
        up[dependency.name] = up.get(dependency.through, True) and dependency.is_up()
    checks = {name: "up" if alive else "down" for name, alive in up.items()}
    if any(dependency.needed and not up[dependency.name] for dependency in _dependencies.values()):
        return "unavailable", checks
    return "ok" if all(up.values()) else "degraded", checks


def _database() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


register("database", _database, needed=True)
register("cache", lambda: redis.call(lambda client: client.ping()), needed=False)
