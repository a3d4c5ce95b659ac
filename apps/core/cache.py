"""Redis with a short fuse: a cache that may be absent, slow or frozen, and never takes a request with it.

An error or a timeout (REDIS_TIMEOUT_SECONDS) opens a breaker for REDIS_BREAKER_SECONDS, during which nothing here
touches the network. Callers say what they do without: `RedisUnavailable` is theirs to catch.
"""

import os
import threading
import time
from collections.abc import Callable, Sequence
from functools import cache, lru_cache
from typing import Any, NamedTuple, TypeVar

import hiredis
import redis
import structlog
from django.conf import settings
from prometheus_client import Counter
from redis.backoff import NoBackoff
from redis.retry import Retry

from apps.core.ops.observability import waited_for_cache

log = structlog.get_logger(__name__)
FAILURES = Counter("photogram_redis_failures_total", "Redis commands that failed or timed out.")
T = TypeVar("T")


class RedisUnavailable(Exception):
    """Redis did not answer, or the breaker is open."""


class _Packer:
    """How commands go over the wire. The library's own looks at each argument for a kind that none of ours is of."""

    def pack(self, name: str | bytes, *arguments: str | bytes | int | float) -> list[bytes]:
        return [hiredis.pack_command((*name.split(), *arguments))]


class _Client(redis.Redis):
    """With one connection, for one thread: the library's way to it is for pools, and for clients that threads share.

    `execute_command` stays the library's, since traces have a span for each.
    """

    def _execute_command(self, *command: Any, **options: Any) -> Any:
        connection: Any = self.connection

        def answer() -> Any:
            connection.send_command(*command)
            return self.parse_response(connection, command[0], **options)  # type: ignore[no-untyped-call]

        return connection.retry.call_with_retry(answer, lambda error: connection.disconnect())


class _Own(threading.local):
    """A thread's client, and the server and the process that it is for."""

    client: redis.Redis | None = None
    made_for = ("", 0)


class Breaker:
    """Calls Redis unless it failed a moment ago.

    Each thread has one connection: to take one from a pool is a quarter of what a call costs. One that has broken at
    rest, since Redis was restarted, is made anew and asked once more; an answer that is late is not waited for again.
    """

    def __init__(self) -> None:
        self._closed_at = 0.0
        self._own = _Own()

    @property
    def client(self) -> redis.Redis:
        own, made_for = self._own, (settings.REDIS_URL, os.getpid())
        if own.client is None or own.made_for != made_for:
            own.client = _Client.from_url(
                settings.REDIS_URL,
                socket_timeout=settings.REDIS_TIMEOUT_SECONDS,
                socket_connect_timeout=settings.REDIS_TIMEOUT_SECONDS,
                single_connection_client=True,
                command_packer=_Packer(),
                retry=Retry(NoBackoff(), 1, supported_errors=(redis.ConnectionError,)),
            )
            own.made_for = made_for
        return own.client

    def call(self, command: Callable[[redis.Redis], T]) -> T:
        """The answer of `command(client)`. Raises RedisUnavailable when there is none to be had."""
        if time.monotonic() < self._closed_at:
            raise RedisUnavailable("the breaker is open")
        started = time.perf_counter()
        try:
            return command(self.client)
        except redis.RedisError as error:
            self._closed_at = time.monotonic() + settings.REDIS_BREAKER_SECONDS
            FAILURES.inc()
            log.warning("redis_absent", error=str(error), pause_seconds=settings.REDIS_BREAKER_SECONDS)
            raise RedisUnavailable(str(error)) from error
        finally:
            waited_for_cache(time.perf_counter() - started)

    def reset(self) -> None:
        self._closed_at = 0.0


breaker = Breaker()


def call(command: Callable[[redis.Redis], Any]) -> Any:
    """`breaker.call` of this process's one breaker."""
    return breaker.call(command)


class Question(NamedTuple):
    """A script in Lua that returns a table, with its KEYS and ARGV."""

    script: str
    keys: Sequence[str]
    arguments: Sequence[str | bytes | int | float]


def ask(*questions: Question) -> list[Any]:
    """The answers to all of them, in one round trip. Raises RedisUnavailable."""
    keys = [key for question in questions for key in question.keys]
    arguments = [argument for question in questions for argument in question.arguments]
    shape = tuple((each.script, len(each.keys), len(each.arguments)) for each in questions)
    answers: list[Any] = call(lambda client: client.eval(_together(shape), len(keys), *keys, *arguments))
    return answers


@lru_cache
def _together(shape: tuple[tuple[str, int, int], ...]) -> str:
    """One script of several, each of which finds in KEYS and ARGV what is its own."""
    functions, calls, first_key, first_argument = [_PART], [], 1, 1
    for number, (script, keys, arguments) in enumerate(shape):
        functions.append(f"local function question{number}(KEYS, ARGV)\n{script}\nend\n")
        calls.append(f"question{number}(part(KEYS, {first_key}, {keys}), part(ARGV, {first_argument}, {arguments}))")
        first_key, first_argument = first_key + keys, first_argument + arguments
    return "".join(functions) + f"return {{{', '.join(calls)}}}"


_PART = """
local function part(list, first, count)
    local own = {}
    for n = 1, count do own[n] = list[first + n - 1] end
    return own
end
"""


def key(*parts: object) -> str:
    """A key of ours: the prefix that separates installations and test workers, then `parts`."""
    return f"{_prefix()}:{':'.join(map(str, parts))}"


@cache
def _prefix() -> str:
    """Settings are slower to ask, and this one is asked ten times for each request."""
    return str(settings.REDIS_KEY_PREFIX)
