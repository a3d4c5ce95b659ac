"""Redis behind a circuit breaker: a cache that may be unavailable, slow or frozen without blocking a request.

An error or a timeout (REDIS_TIMEOUT_SECONDS) opens the breaker for REDIS_BREAKER_SECONDS, during which nothing here
touches the network. Callers catch `RedisUnavailable` and say what they do without Redis.
"""

import time
from collections.abc import Callable
from typing import Any, TypeVar

import redis
import structlog
from django.conf import settings
from django_redis import get_redis_connection
from prometheus_client import Counter

from apps.core.ops.availability import AvailabilityLog
from apps.core.ops.observability import waited_for_cache

log = structlog.get_logger(__name__)
FAILURES = Counter("photogram_redis_failures_total", "Redis commands that failed or timed out.")
T = TypeVar("T")


class RedisUnavailable(Exception):
    """Redis did not answer, or the breaker is open."""


class Breaker:
    """Calls Redis unless a call failed less than REDIS_BREAKER_SECONDS ago."""

    def __init__(self) -> None:
        self._open_until = 0.0
        self._log = AvailabilityLog(log, unavailable="redis_unavailable", recovered="redis_recovered")

    def call(self, command: Callable[[redis.Redis], T]) -> T:
        """The result of `command(client)`. Raises RedisUnavailable."""
        if time.monotonic() < self._open_until:
            raise RedisUnavailable("the breaker is open")
        started = time.perf_counter()
        try:
            result = command(get_redis_connection("default"))
        except redis.RedisError as error:
            self._open_until = time.monotonic() + settings.REDIS_BREAKER_SECONDS
            FAILURES.inc()
            self._log.record_failure(error=str(error))
            raise RedisUnavailable(str(error)) from error
        else:
            self._log.record_answer()
            return result
        finally:
            waited_for_cache(time.perf_counter() - started)

    def reset(self) -> None:
        self._open_until = 0.0


breaker = Breaker()


def call(command: Callable[[redis.Redis], Any]) -> Any:
    """`breaker.call` of the breaker of this process."""
    return breaker.call(command)


def key(*parts: object) -> str:
    """A key of this installation: the prefix that separates installations and test workers, then `parts`."""
    return f"{settings.REDIS_KEY_PREFIX}:{':'.join(map(str, parts))}"
