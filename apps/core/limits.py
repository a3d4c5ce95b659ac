"""Rate limits: fixed windows, counted atomically in Redis, and for secrets in PostgreSQL when Redis is away.

Scopes and their sizes are the setting RATE_LIMITS: {scope: (requests, seconds)}.
"""

import time
from typing import NamedTuple

from django.conf import settings
from django.db import connection

from apps.core import cache
from apps.core.errors import TooManyRequests

# A function in Lua, also for a script that does something else on the way.
SPEND = """
local function spend(key, seconds)
    local count = redis.call('INCR', key)
    if count == 1 then redis.call('EXPIRE', key, seconds) end
    return count
end
"""
_SPEND_ONE = SPEND + "return spend(KEYS[1], ARGV[1])"


class Allowance(NamedTuple):
    """What is left of a limit after one request: `remaining` of `limit` until `reset` seconds from now."""

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


class Bucket(NamedTuple):
    """Where the requests of one caller against one scope are counted in the present window."""

    key: str
    limit: int
    seconds: int
    reset: int

    @classmethod
    def of(cls, scope: str, who: str) -> "Bucket":
        limit, seconds = settings.RATE_LIMITS[scope]
        now = int(time.time())
        return cls(cache.key("limit", scope, now // seconds, who), limit, seconds, seconds - now % seconds)

    def after(self, count: int) -> Allowance:
        return Allowance(self.limit, max(self.limit - count, 0), self.reset, exceeded=count > self.limit)


def spend(scope: str, who: str, *, guards_a_secret: bool = False) -> Allowance:
    """Count one request of `who` against `scope`. Without Redis, limits that guard a secret are counted in the
    database; the others let everything through."""
    return count(Bucket.of(scope, who), surely=guards_a_secret)


def count(bucket: Bucket, *, surely: bool) -> Allowance:
    """Count one request in the bucket; without Redis in the database if it has to be `surely`, otherwise not at all."""
    if not settings.RATE_LIMITS_ENABLED:
        return bucket.after(0)
    try:
        spent = int(cache.call(lambda client: client.eval(_SPEND_ONE, 1, bucket.key, str(bucket.seconds))))
    except cache.RedisUnavailable:
        spent = _spend_in_database(bucket.key, bucket.reset) if surely else 0
    return bucket.after(spent)


def require(scope: str, who: str) -> None:
    """`spend` for a call that checks a secret or sends a mail. Raises TooManyRequests over the limit."""
    allowance = spend(scope, who, guards_a_secret=True)
    if allowance.exceeded:
        raise TooManyRequests(headers=allowance.headers)


def _spend_in_database(bucket: str, seconds: int) -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO core_ratebucket (key, count, expires_at) VALUES (%s, 1, now() + make_interval(secs => %s)) "
            "ON CONFLICT (key) DO UPDATE SET count = core_ratebucket.count + 1 RETURNING count",
            [bucket, seconds],
        )
        return int(cursor.fetchone()[0])
