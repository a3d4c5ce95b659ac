"""The ids of a timeline as bytes, newest first: how Redis and snapshots keep them."""

from bisect import bisect_left
from collections.abc import Iterable
from uuid import UUID

from apps.core.ids import KEY_BYTES, Key

# Ids of a timeline. What lies behind them is asked of the database: it is the seventh page of twenty, and who reads on
# is rare.
LENGTH = 120


def pack(ids: Iterable[UUID]) -> bytes:
    return b"".join(pk.bytes for pk in ids)


def unpack(packed: bytes) -> list[UUID]:
    return [UUID(bytes=key) for key in _keys(packed)]


def part(packed: bytes, *, limit: int, before: UUID | None) -> list[Key] | None:
    """Up to `limit` ids older than `before` (None: the newest). None when the timeline does not reach that far; one
    that is shorter than LENGTH is the whole feed, and has an end."""
    count = len(packed) // KEY_BYTES
    start = 0
    if before:
        start = bisect_left(
            range(count), True, key=lambda n: packed[n * KEY_BYTES : (n + 1) * KEY_BYTES] < before.bytes
        )
    if start + limit > count and count >= LENGTH:
        return None
    return _keys(packed[start * KEY_BYTES : (start + limit) * KEY_BYTES])


def _keys(packed: bytes) -> list[Key]:
    return [packed[at : at + KEY_BYTES] for at in range(0, len(packed), KEY_BYTES)]
