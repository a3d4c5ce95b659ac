"""The ids of a timeline as bytes, 16 for each, newest first: how Redis and snapshots keep them."""

from bisect import bisect_left
from collections.abc import Iterable
from uuid import UUID

# Ids of a timeline. What lies behind them is asked of the database: it is the seventh page of twenty, and who reads on
# is rare.
LENGTH = 120
_SIZE = 16


def pack(ids: Iterable[UUID]) -> bytes:
    return b"".join(pk.bytes for pk in ids)


def unpack(packed: bytes) -> list[UUID]:
    return [UUID(bytes=packed[at : at + _SIZE]) for at in range(0, len(packed), _SIZE)]


def part(packed: bytes, *, limit: int, before: UUID | None) -> list[UUID] | None:
    """Up to `limit` ids older than `before` (None: the newest). None when the timeline does not reach that far; one
    that is shorter than LENGTH is the whole feed, and has an end."""
    count = len(packed) // _SIZE
    start = 0
    if before:
        start = bisect_left(range(count), True, key=lambda n: packed[n * _SIZE : (n + 1) * _SIZE] < before.bytes)
    if start + limit > count and count >= LENGTH:
        return None
    return unpack(packed[start * _SIZE : (start + limit) * _SIZE])
