"""Durable snapshots of the feeds of people who read often, for when many timelines are missing at once.

Redis has been emptied, or the feed is busy for another reason: then hot readers whose timeline is missing get their
snapshot, a little stale, instead of everybody asking the database at the same moment. What one does oneself is never
stale: one's own posts are merged in, a snapshot is not shown to whoever follows others than it was built for, and the
task that comes of following or muting makes it void.

The snapshots are kept by a job, no faster than FEED_BACKFILL_PER_SECOND. It gives their readers their live timelines
back as it goes: whoever is shown a snapshot does not build one. Decision 68.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import connection
from django.db.models import F, Q
from django.utils import timezone

from apps.accounts.models import User
from apps.content.querysets import SHOWN
from apps.core import cache
from apps.core.db.batches import Pace, delete_in_batches
from apps.feed import live, timeline
from apps.feed.models import FeedSnapshot
from apps.feed.packed import LENGTH, pack, unpack

# Of those whose reader has grown cold: nobody renews them, and by then nobody would be shown them.
PURGED_AFTER = timedelta(days=1)
MOST = 100_000

# A follow that had begun and was not committed when the snapshot was built is not in it.
_WITH_OWN_POSTS = f"""
SELECT snapshot.ids, snapshot.built_at, array(
    SELECT id FROM content_post
    WHERE author_id = snapshot.user_id AND {SHOWN}
    ORDER BY id DESC
    LIMIT %(length)s
)
FROM feed_feedsnapshot AS snapshot
WHERE snapshot.user_id = %(viewer)s AND snapshot.built_at > %(oldest)s AND NOT coalesce((
    SELECT created_at > snapshot.built_at - make_interval(secs => {live.DOUBT_SECONDS}) FROM social_follow
    WHERE follower_id = snapshot.user_id
    ORDER BY id DESC
    LIMIT 1
), false)
"""  # noqa: S608  (of constants)


# ── Reading ──────────────────────────────────────────────────────────────────────────────────────────────
def find(viewer_id: UUID) -> tuple[bytes, bool] | None:
    """The ids, with one's own newest posts among them, and whether they are older than a snapshot should be. None if
    there is none, or none that is young enough to be shown. One statement."""
    now = timezone.now()
    with connection.cursor() as cursor:
        cursor.execute(_WITH_OWN_POSTS, {"viewer": viewer_id, "length": LENGTH, "oldest": _oldest_shown(now)})
        row = cursor.fetchone()
    if row is None:
        return None
    ids, built_at, own = unpack(bytes(row[0])), row[1], row[2]
    # Of the time before its last id a snapshot that is not the whole feed knows nothing.
    since = ids[-1] if len(ids) == LENGTH else UUID(int=0)
    merged = sorted({*ids, *(pk for pk in own if pk > since)}, reverse=True)[:LENGTH]
    return pack(merged), built_at < now - timedelta(seconds=settings.FEED_SNAPSHOT_SECONDS)


def number_shown() -> int:
    """How many are young enough to be shown."""
    return FeedSnapshot.objects.filter(built_at__gt=_oldest_shown(timezone.now())).count()


def _oldest_shown(now: datetime) -> datetime:
    return now - timedelta(seconds=settings.FEED_STALE_SECONDS)


def make_void(viewer_id: UUID) -> None:
    """Also what somebody is just about to write."""
    FeedSnapshot.objects.filter(user=viewer_id).update(generation=F("generation") + 1, built_at=None, ids=b"")


# ── Keeping ──────────────────────────────────────────────────────────────────────────────────────────────
def keep(pace: Pace | None = None, *, hurry: bool = True) -> int:
    """A round of the job: renew the snapshots of hot readers that are due, remove those of cold ones. Returns how many
    were built. Not in a `hurry`, it goes at a quarter of its speed."""
    pace = pace or Pace()
    if not pace.place:
        _begin_round(pace)
    begun = datetime.fromisoformat(pace.place["begun"])
    built = 0
    while pace.goes_on() and (readers := due(begun, limit=pace.batch)):
        built += rebuild(readers, pace, hurry=hurry)
    delete_in_batches(FeedSnapshot.objects.filter(visits__lt=settings.FEED_HOT_VISITS, built_at=None), pace)
    delete_in_batches(FeedSnapshot.objects.filter(built_at__lt=begun - PURGED_AFTER), pace)
    return built


def _begin_round(pace: Pace) -> None:
    """Note who is hot. Without Redis those count who were."""
    try:
        remind_of_visits()
        hot = live.readers(least=settings.FEED_HOT_VISITS)
        live.halve_visits()
    except cache.RedisUnavailable:
        pass
    else:
        note_visits(hot)
    pace.note(0, {"begun": timezone.now().isoformat()})


def remind_of_visits() -> None:
    """Tell Redis who was hot, if it has forgotten; the hottest, if there are too many. Raises RedisUnavailable."""
    if not live.has_forgotten_visits():
        return
    hot = FeedSnapshot.objects.filter(visits__gte=settings.FEED_HOT_VISITS).order_by("-visits")
    live.remind_of_visits(dict(hot.values_list("user", "visits")[:MOST]))


def note_visits(hot: dict[UUID, float]) -> None:
    """Readers who are hot get a row, to be filled; those who have a row and are not get colder."""
    known = User.objects.active().filter(pk__in=list(hot)[:MOST]).values_list("pk", flat=True)
    FeedSnapshot.objects.bulk_create(
        [FeedSnapshot(user_id=pk, visits=hot[pk]) for pk in known],
        update_conflicts=True,
        unique_fields=["user"],
        update_fields=["visits"],
        batch_size=1000,
    )
    FeedSnapshot.objects.exclude(user__in=list(hot)[:MOST]).update(visits=F("visits") / 2)


def due(now: datetime, *, limit: int | None = None) -> list[UUID]:
    """Hot readers whose snapshot is missing or older than it should be, oldest first."""
    old = Q(built_at__lte=now - timedelta(seconds=settings.FEED_SNAPSHOT_SECONDS)) | Q(built_at=None)
    hot = FeedSnapshot.objects.filter(old, visits__gte=settings.FEED_HOT_VISITS, user__state=User.State.ACTIVE)
    return list(hot.order_by(F("built_at").asc(nulls_first=True), "pk").values_list("pk", flat=True)[:limit])


def rebuild(readers: Iterable[UUID], pace: Pace, *, hurry: bool = True) -> int:
    """One after the other, no faster than FEED_BACKFILL_PER_SECOND; how many were built."""
    pause = (1 if hurry else 4) / settings.FEED_BACKFILL_PER_SECOND
    built = 0
    for reader in readers:
        if not pace.goes_on():
            break
        built += build(reader)
        pace.step(1)
        pace.wait(pause)
    return built


def build(user_id: UUID) -> bool:
    """The snapshot, and the live timeline with it. False if the snapshot was made void meanwhile: somebody knows better
    than what was read here."""
    row, _ = FeedSnapshot.objects.get_or_create(user_id=user_id)
    glance = live.claim(user_id)
    ids = pack(timeline.newest_ids(user_id, limit=LENGTH))
    live.keep(user_id, glance, ids)
    same = FeedSnapshot.objects.filter(pk=user_id, generation=row.generation)
    return bool(same.update(ids=ids, built_at=timezone.now()))
