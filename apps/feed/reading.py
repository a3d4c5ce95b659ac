"""A page of a feed: where its ids come from, and what happens if an id has no post any more.

1. The live timeline in Redis, if there is one (`live.py`).
2. While the feed is busy: the snapshot, if there is one (`snapshots.py`).
3. The database (`timeline.py`). The first page from there is stored as the live timeline.

All three are lists of ids, newest first, so that a cursor, which is an id, works with each of them. The posts are read
by one statement that applies the rules for visibility and feed membership again. If it does not find an id of 1 or 2,
the cached ids are out of date: they are dropped, and the database is asked.
"""

import time
from collections.abc import Callable, Sequence
from typing import TypeVar
from uuid import UUID

from django.db import transaction
from prometheus_client import Counter

from apps.content.models import Post
from apps.core import cache
from apps.feed import live, packed, policy, snapshots, timeline
from apps.feed.models import FeedVisit

NEW_CAP = 100
T = TypeVar("T")
PAGES = Counter("photogram_feed_pages_total", "Pages of feeds answered, by where they came from.", ["source"])

# Returns the posts of those ids that belong to the viewer's feed now.
Fetch = Callable[[Sequence[UUID]], dict[UUID, T]]


def page(
    viewer_id: UUID, fetch: Fetch[T], *, limit: int, before: UUID | None = None
) -> tuple[list[UUID], dict[UUID, T]]:
    """Up to `limit` ids older than `before`, newest first, and the posts that are fetched for them."""
    started = time.perf_counter()
    ids, source = _cached_or_newest(viewer_id, limit=limit, before=before)
    found = fetch(ids)
    if len(found) < len(ids) and source != "database":
        _drop(viewer_id)
        ids, source = timeline.newest_ids(viewer_id, limit=limit, before=before), "database"
        found = fetch(ids)
    PAGES.labels(source).inc()
    live.note_cost(time.perf_counter() - started)
    return ids, found


def refresh(viewer_id: UUID, fetch: Fetch[T], *, limit: int) -> tuple[list[UUID], dict[UUID, T], int]:
    """Build the timeline again. Returns its first page, the posts of that page, and how many posts are newer than at
    the last refresh (NEW_CAP at most)."""
    _drop(viewer_id)
    ids = _build(viewer_id, live.look_up(viewer_id, may_build=True))
    new = _count_new(viewer_id, ids)
    PAGES.labels("database").inc()
    return ids[:limit], fetch(ids[:limit]), new


def count_newer(viewer_id: UUID, newest: UUID) -> int:
    """How many posts of the feed are newer than `newest` (NEW_CAP at most). The database is asked only if the timeline
    has newer ids."""
    ids, _ = _cached_or_newest(viewer_id, limit=NEW_CAP, before=None)
    newer = [pk for pk in ids if pk > newest]
    if not newer:
        return 0
    posts = timeline.in_feed_of(viewer_id, Post.objects.visible_to(viewer_id))
    return posts.filter(pk__in=newer).count()


def _cached_or_newest(viewer_id: UUID, *, limit: int, before: UUID | None) -> tuple[list[UUID], str]:
    """The ids, and where they come from."""
    lookup = live.look_up(viewer_id, may_build=before is None)
    if lookup.ids is not None:
        ids = packed.part(lookup.ids, limit=limit, before=before)
        if ids is not None:
            return ids, "live"
    elif lookup.mode == policy.BUSY and not lookup.is_dirty and (snapshot := snapshots.find(viewer_id)):
        ids = packed.part(snapshot.ids, limit=limit, before=before)
        if ids is not None:
            return ids, "stale" if snapshot.is_stale else "snapshot"
    if lookup.token:
        return _build(viewer_id, lookup)[:limit], "database"
    return timeline.newest_ids(viewer_id, limit=limit, before=before), "database"


def _build(viewer_id: UUID, lookup: live.TimelineLookup) -> list[UUID]:
    """Read a whole timeline from the database, and store it if `lookup` has the right to."""
    ids = timeline.newest_ids(viewer_id, limit=packed.LENGTH)
    live.store(viewer_id, lookup, packed.pack(ids))
    return ids


def _drop(viewer_id: UUID) -> None:
    snapshots.discard(viewer_id)
    try:
        live.drop([viewer_id])
    except cache.RedisUnavailable:
        return


def _count_new(viewer_id: UUID, ids: list[UUID]) -> int:
    """How many of `ids`, the newest of the feed, are newer than at the last refresh."""
    if not ids:
        return 0
    seen = _record_visit(viewer_id, newest=ids[0])
    return sum(1 for pk in ids[:NEW_CAP] if seen is None or pk > seen)


@transaction.atomic
def _record_visit(viewer_id: UUID, *, newest: UUID) -> UUID | None:
    """Returns the newest post of the last visit. Of two visits at the same time, the second one waits for the first."""
    visits = FeedVisit.objects.select_for_update().filter(user=viewer_id)
    seen = visits.values_list("newest_seen", flat=True).first()
    FeedVisit.objects.update_or_create(user_id=viewer_id, defaults={"newest_seen": newest})
    return seen
