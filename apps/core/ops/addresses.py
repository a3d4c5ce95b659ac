"""Client addresses that could not be read: a metric, and the last one for the system check."""

import re

from prometheus_client import Counter
from redis import Redis

from apps.core import cache

UNREADABLE = Counter("photogram_unreadable_addresses_total", "Requests whose client address could not be read.")
# How long the system check reports an unreadable address, in seconds.
REPORTED_SECONDS = 24 * 3600
_LONGEST = 60


def report_unreadable(text: str) -> None:
    """Count an unreadable address, and keep its form: the address itself is personal data."""
    UNREADABLE.inc()
    form = re.sub(r"[0-9a-fA-F]", "x", text[:_LONGEST])

    def keep(client: Redis) -> None:
        client.set(_key(), form, ex=REPORTED_SECONDS)

    try:
        cache.call(keep)
    except cache.RedisUnavailable:
        return  # The metric has counted it.


def last_unreadable() -> str | None:
    """The form of the last unreadable address within REPORTED_SECONDS, with x for each hexadecimal digit.

    Raises RedisUnavailable.
    """
    form = cache.call(lambda client: client.get(_key()))
    return form.decode() if form is not None else None


def _key() -> str:
    return cache.key("unreadable_address")
