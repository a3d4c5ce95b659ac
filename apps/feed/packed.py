"""The ids of a timeline as bytes, newest first: how Redis and snapshots keep them."""

from bisect import bisect_left
from collections.abc import Iterable
from uuid import UUID

from apps.core.db.ids import ID_BYTES, PackedId

# Ids of a timeline. What lies behind them is asked of the database: of the sixth page of twenty it is not known whether
# another follows, and who reads on is rare.
LENGTH = 120


def pack(ids: Iterable[UUID]) -> bytes:
    return b"".join(pk.bytes for pk in ids)


def unpack(packed: bytes) -> list[UUID]:
    return [UUID(bytes=pk) for pk in _ids(packed)]


def part(packed: bytes, *, limit: int, before: UUID | None) -> list[PackedId] | None:
    """Up to `limit` ids older than `before` (None: the newest). None when the timeline does not reach that far; one
    that is shorter than LENGTH is the whole feed, and has an end."""
    count = len(packed) // ID_BYTES
    start = 0
    if before:
        start = bisect_left(range(count), True, key=lambda n: packed[n * ID_BYTES : (n + 1) * ID_BYTES] < before.bytes)
    if start + limit > count and count >= LENGTH:
        return None
    return _ids(packed[start * ID_BYTES : (start + limit) * ID_BYTES])


def _ids(packed: bytes) -> list[PackedId]:
    return [packed[at : at + ID_BYTES] for at in range(0, len(packed), ID_BYTES)]
