"""Rate limits: fixed windows, counted in Redis, and for secrets in PostgreSQL while Redis is unavailable.

The setting RATE_LIMITS holds the limits: {scope: (requests, seconds)}.
"""

import time
from datetime import timedelta
from typing import NamedTuple

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.utils import timezone
from redis import Redis

from apps.core import cache
from apps.core.errors import TooManyRequests
from apps.core.models import RateBucket


class RateLimitState(NamedTuple):
    """A limit after a request: `remaining` of `limit` requests until `reset` seconds from now."""

    limit: int
    remaining: int
    reset: int
    exceeded: bool

    @property
    def headers(self) -> dict[str, str]:
        headers = {
            "RateLimit-Limit": str(self.limit),
            "RateLimit-Remaining": str(self.remaining),
            "RateLimit-Reset": str(self.reset),
        }
        return headers | {"Retry-After": str(self.reset)} if self.exceeded else headers


class FixedWindow(NamedTuple):
    """Where the requests of a caller in a scope are counted at present.

    `key` differs for each window; `seconds` is the length of the window, and `reset` what is left of it.
    """

    key: str
    limit: int
    seconds: int
    reset: int

    @classmethod
    def current(cls, scope: str, caller: str) -> "FixedWindow":
        limit, seconds = settings.RATE_LIMITS[scope]
        now = int(time.time())
        return cls(cache.key("limit", scope, now // seconds, caller), limit, seconds, seconds - now % seconds)

    def after(self, count: int) -> RateLimitState:
        return RateLimitState(self.limit, max(self.limit - count, 0), self.reset, exceeded=count > self.limit)


def count_request(scope: str, caller: str | None, *, guards_a_secret: bool = False) -> RateLimitState:
    """Count a request of `caller` (a user id, a network, ...) in `scope`.

    A request without a caller (its address cannot be read) is not counted: all of these would share one limit.

    Without Redis, a limit that guards a secret is counted in the database; the others let everything through.
    """
    window = FixedWindow.current(scope, str(caller))
    return window.after(0) if caller is None else count(window, use_database=guards_a_secret)


def count(window: FixedWindow, *, use_database: bool) -> RateLimitState:
    """Count a request in the window. Without Redis count it in the database if `use_database`, else not at all."""
    if not settings.RATE_LIMITS_ENABLED:
        return window.after(0)
    try:
        return window.after(_count_in_redis(window))
    except cache.RedisUnavailable:
        return window.after(_count_in_database(window) if use_database else 0)


def require(scope: str, caller: str | None) -> None:
    """Count a request that checks a secret or sends a mail. Raises TooManyRequests over the limit."""
    state = count_request(scope, caller, guards_a_secret=True)
    if state.exceeded:
        raise TooManyRequests(headers=state.headers)


def _count_in_redis(window: FixedWindow) -> int:
    def increment(client: Redis) -> int:
        pipeline = client.pipeline()
        pipeline.incr(window.key)
        pipeline.expire(window.key, window.seconds)
        return int(pipeline.execute()[0])

    return int(cache.call(increment))


@transaction.atomic
def _count_in_database(window: FixedWindow) -> int:
    expires_at = timezone.now() + timedelta(seconds=window.reset)
    bucket, _ = RateBucket.objects.update_or_create(
        key=window.key,
        defaults={"count": F("count") + 1},
        create_defaults={"count": 1, "expires_at": expires_at},
    )
    bucket.refresh_from_db(fields=["count"])
    return bucket.count
