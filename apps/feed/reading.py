"""A page of somebody's feed: where its ids come from, and what becomes of ids that have lost their post.

1. The live timeline in Redis, if there is one (`live.py`).
2. While the feed is busy: the snapshot, if there is one (`snapshots.py`).
3. The database (`timeline.py`), whose answer is kept as the live timeline if it is the first page.

All three are lists of ids, newest first, so that a cursor, which is an id, fits them all. What is shown for them is
fetched by one query that asks the rules anew (`timeline.belonging_to`). If a remembered id finds nothing, what was
remembered is out of date: it is dropped, and the database is asked.
"""

import time
from collections.abc import Callable
from typing import TypeVar
from uuid import UUID

from prometheus_client import Counter

from apps.core import cache
from apps.core.db.ids import PackedId
from apps.core.db.statements import select
from apps.feed import live, packed, policy, snapshots, timeline

NEW_CAP = 100
T = TypeVar("T")
PAGES = Counter("photogram_feed_pages_total", "Pages of feeds answered, by where they came from.", ["source"])

# What stands for those of the ids that are posts of the viewer's feed now.
Fetch = Callable[[list[PackedId]], dict[PackedId, T]]


def page(
    viewer_id: UUID, fetch: Fetch[T], glance: live.Glance, *, limit: int, before: UUID | None = None
) -> tuple[list[PackedId], dict[PackedId, T]]:
    """Up to `limit` ids older than `before`, newest first, and what is fetched for them. `glance`: what Redis says; of
    a look that may build if this is the first page."""
    started = time.perf_counter()
    ids, source = _ids(viewer_id, glance, limit=limit, before=before)
    found = fetch(ids)
    if len(found) < len(ids) and source != "database":
        _forget(viewer_id)
        ids, source = _newest(viewer_id, limit=limit, before=before), "database"
        found = fetch(ids)
    PAGES.labels(source).inc()
    live.note_cost(time.perf_counter() - started)
    return ids, found


def refresh(viewer_id: UUID, fetch: Fetch[T], *, limit: int) -> tuple[tuple[list[PackedId], dict[PackedId, T]], int]:
    """The first page of a timeline that is built anew, and how many posts are newer than at the last refresh (100 at
    most)."""
    _forget(viewer_id)
    ids = _build(viewer_id, live.look(viewer_id, may_build=True))
    new = _note_refresh(viewer_id, ids)
    PAGES.labels("database").inc()
    return (ids[:limit], fetch(ids[:limit])), new


def _ids(viewer_id: UUID, glance: live.Glance, *, limit: int, before: UUID | None) -> tuple[list[PackedId], str]:
    """And where they come from."""
    if glance.ids is not None:
        ids = packed.part(glance.ids, limit=limit, before=before)
        if ids is not None:
            return ids, "live"
    elif glance.mode == policy.BUSY and not glance.in_doubt and (snapshot := snapshots.find(viewer_id)):
        ids = packed.part(snapshot[0], limit=limit, before=before)
        if ids is not None:
            return ids, "stale" if snapshot[1] else "snapshot"
    if glance.token:
        return _build(viewer_id, glance)[:limit], "database"
    return _newest(viewer_id, limit=limit, before=before), "database"


def _build(viewer_id: UUID, glance: live.Glance) -> list[PackedId]:
    """From the database, and kept if `glance` gives the right to."""
    ids = _newest(viewer_id, limit=packed.LENGTH)
    live.keep(viewer_id, glance, b"".join(ids))
    return ids


def _newest(viewer_id: UUID, *, limit: int, before: UUID | None = None) -> list[PackedId]:
    return [pk.bytes for pk in timeline.newest_ids(viewer_id, limit=limit, before=before)]


def _forget(viewer_id: UUID) -> None:
    snapshots.make_void(viewer_id)
    try:
        live.drop([viewer_id])
    except cache.RedisUnavailable:
        return


# Of two at once the second waits for the first, and finds what that has seen.
_NOTE = """
WITH former AS (
    SELECT newest_seen FROM feed_feedvisit WHERE user_id = %(viewer)s FOR UPDATE
), noted AS (
    INSERT INTO feed_feedvisit (user_id, newest_seen, refreshed_at) VALUES (%(viewer)s, %(newest)s, now())
    ON CONFLICT (user_id) DO UPDATE SET newest_seen = excluded.newest_seen, refreshed_at = excluded.refreshed_at
)
SELECT newest_seen FROM former
"""


def _note_refresh(viewer_id: UUID, ids: list[PackedId]) -> int:
    """`ids`: the newest of the feed, NEW_CAP and more."""
    if not ids:
        return 0
    seen = [newest_seen for (newest_seen,) in select(_NOTE, viewer=viewer_id, newest=UUID(bytes=ids[0]))]
    return sum(1 for pk in ids[:NEW_CAP] if not seen or pk > seen[0].bytes)
