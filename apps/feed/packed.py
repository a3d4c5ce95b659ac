"""The format of a timeline in Redis and in snapshots: the 16 bytes of each id, newest first."""

from bisect import bisect_left
from collections.abc import Iterable
from uuid import UUID

ID_BYTES = 16
# Ids in a timeline. Older posts are read from the database: pages that far back are rare.
LENGTH = 120


def pack(ids: Iterable[UUID]) -> bytes:
    return b"".join(pk.bytes for pk in ids)


def unpack(packed: bytes) -> list[UUID]:
    return [UUID(bytes=packed[at : at + ID_BYTES]) for at in range(0, len(packed), ID_BYTES)]


def part(packed: bytes, *, limit: int, before: UUID | None) -> list[UUID] | None:
    """Up to `limit` ids older than `before` (None: the newest). None if the timeline does not reach that far. A
    timeline that is shorter than LENGTH is the whole feed."""
    count = len(packed) // ID_BYTES
    start = 0
    if before:
        start = bisect_left(range(count), True, key=lambda n: packed[n * ID_BYTES : (n + 1) * ID_BYTES] < before.bytes)
    if start + limit > count and count >= LENGTH:
        return None
    return unpack(packed[start * ID_BYTES : (start + limit) * ID_BYTES])
