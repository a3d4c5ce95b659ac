"""Redis with a short fuse: a cache that may be absent, slow or frozen, and never takes a request with it.

An error or a timeout (REDIS_TIMEOUT_SECONDS) opens a breaker for REDIS_BREAKER_SECONDS, during which nothing here
touches the network. Callers say what they do without: `Absent` is theirs to catch.
"""

import time
from collections.abc import Callable
from typing import Any, TypeVar

import redis
import structlog
from django.conf import settings
from prometheus_client import Counter
from redis.backoff import NoBackoff
from redis.retry import Retry

from apps.core.observability import waiting_for_cache

log = structlog.get_logger(__name__)
FAILURES = Counter("photogram_redis_failures_total", "Redis commands that failed or timed out.")
T = TypeVar("T")


class Absent(Exception):
    """Redis did not answer, or the breaker is open."""


class Breaker:
    """Calls Redis unless it failed a moment ago."""

    def __init__(self) -> None:
        self._closed_at = 0.0
        self._client: redis.Redis | None = None
        self._url = ""

    @property
    def client(self) -> redis.Redis:
        if self._client is None or self._url != settings.REDIS_URL:
            self._url = settings.REDIS_URL
            self._client = redis.Redis.from_url(
                settings.REDIS_URL,
                socket_timeout=settings.REDIS_TIMEOUT_SECONDS,
                socket_connect_timeout=settings.REDIS_TIMEOUT_SECONDS,
                retry=Retry(NoBackoff(), 0),
            )
        return self._client

    def call(self, command: Callable[[redis.Redis], T]) -> T:
        """The answer of `command(client)`. Raises Absent when there is none to be had."""
        if time.monotonic() < self._closed_at:
            raise Absent("the breaker is open")
        try:
            with waiting_for_cache():
                return command(self.client)
        except redis.RedisError as error:
            self._closed_at = time.monotonic() + settings.REDIS_BREAKER_SECONDS
            FAILURES.inc()
            log.warning("redis_absent", error=str(error), pause_seconds=settings.REDIS_BREAKER_SECONDS)
            raise Absent(str(error)) from error

    def reset(self) -> None:
        self._closed_at = 0.0


breaker = Breaker()


def call(command: Callable[[redis.Redis], Any]) -> Any:
    """`breaker.call` of this process's one breaker."""
    return breaker.call(command)


def key(*parts: object) -> str:
    """A key of ours: the prefix that separates installations and test workers, then `parts`."""
    return ":".join([settings.REDIS_KEY_PREFIX, *map(str, parts)])
