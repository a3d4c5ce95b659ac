"""Stored copies of the feeds of active readers, for when many timelines are missing at once.

When Redis has been emptied, or when the feed is busy for another reason, active readers without a timeline get their
snapshot, which may be a little stale, so that not all of them query the database at the same moment. The reader's own
actions are never stale: own posts are merged in, a snapshot is not used after a recent follow, and the task that
follows a follow or a mute discards it.

A job renews the snapshots, no faster than FEED_BACKFILL_PER_SECOND, and stores the live timelines with them, because a
reader who gets a snapshot does not build a timeline. Decision 25.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import F, OuterRef, Q, Subquery
from django.utils import timezone

from apps.accounts.models import User
from apps.content.models import Post
from apps.content.querysets import PUBLISHED
from apps.core import cache
from apps.core.db.batches import BatchRunner, delete_in_batches
from apps.feed import live, timeline
from apps.feed.models import FeedSnapshot
from apps.feed.packed import LENGTH, pack, unpack
from apps.social.models import Follow

# Snapshots of readers who are not active any more are not renewed, and would be too old to be used by then.
PURGED_AFTER = timedelta(days=1)
MAX_READERS = 100_000
# A follow that was committed while the snapshot was being built may be missing in it.
FOLLOW_MARGIN = timedelta(seconds=live.INVALID_SECONDS)


@dataclass(frozen=True)
class Snapshot:
    """`is_stale`: older than FEED_SNAPSHOT_SECONDS."""

    ids: bytes
    is_stale: bool


# Reading
def find(viewer_id: UUID) -> Snapshot | None:
    """The snapshot with the viewer's own newest posts merged in. None if there is none that is recent enough, or if the
    viewer has followed an account since. One statement."""
    now = timezone.now()
    own_posts = Post.objects.filter(PUBLISHED, author=OuterRef("user")).order_by("-id").values("id")
    follows = Follow.objects.filter(follower=OuterRef("user")).order_by("-id").values("created_at")
    found = (
        FeedSnapshot.objects.filter(user=viewer_id, built_at__gt=_oldest_usable(now))
        .annotate(own_ids=ArraySubquery(own_posts[:LENGTH]), followed_at=Subquery(follows[:1]))
        .first()
    )
    if found is None or (found.followed_at and found.followed_at > found.built_at - FOLLOW_MARGIN):
        return None
    ids = unpack(bytes(found.ids))
    # A snapshot that is not the whole feed knows nothing about posts older than its last id.
    oldest = ids[-1] if len(ids) == LENGTH else UUID(int=0)
    merged = sorted({*ids, *(pk for pk in found.own_ids if pk > oldest)}, reverse=True)[:LENGTH]
    stale_before = now - timedelta(seconds=settings.FEED_SNAPSHOT_SECONDS)
    return Snapshot(pack(merged), is_stale=found.built_at < stale_before)


def count_usable() -> int:
    """How many snapshots are recent enough to be shown."""
    return FeedSnapshot.objects.filter(built_at__gt=_oldest_usable(timezone.now())).count()


def _oldest_usable(now: datetime) -> datetime:
    return now - timedelta(seconds=settings.FEED_STALE_SECONDS)


def discard(viewer_id: UUID) -> None:
    """Discard the snapshot, and one that is being built."""
    FeedSnapshot.objects.filter(user=viewer_id).update(generation=F("generation") + 1, built_at=None, ids=b"")


# Renewing
def renew(runner: BatchRunner | None = None, *, hurry: bool = True) -> int:
    """A run of the job: renew the due snapshots of active readers, delete those of inactive ones. Returns how many were
    built. Without `hurry` it works at a quarter of its speed."""
    runner = runner or BatchRunner()
    if not runner.checkpoint:
        _begin_run(runner)
    begun = datetime.fromisoformat(runner.checkpoint["begun"])
    built = 0
    while runner.has_time() and (readers := due(begun, limit=runner.batch_size)):
        built += rebuild(readers, runner, hurry=hurry)
    delete_in_batches(FeedSnapshot.objects.filter(visits__lt=settings.FEED_HOT_VISITS, built_at=None), runner)
    delete_in_batches(FeedSnapshot.objects.filter(built_at__lt=begun - PURGED_AFTER), runner)
    return built


def _begin_run(runner: BatchRunner) -> None:
    """Save who is active. Without Redis the saved readers count."""
    try:
        restore_visits()
        active = live.readers(least=settings.FEED_HOT_VISITS)
        live.decay_visits()
    except cache.RedisUnavailable:
        pass
    else:
        save_visits(active)
    runner.advance(0, {"begun": timezone.now().isoformat()}, throttle=False)


def restore_visits() -> None:
    """Restore the saved visits of the most active readers, if Redis has lost them. Raises RedisUnavailable."""
    if not live.has_lost_visits():
        return
    active = FeedSnapshot.objects.filter(visits__gte=settings.FEED_HOT_VISITS).order_by("-visits")
    live.restore_visits(dict(active.values_list("user", "visits")[:MAX_READERS]))


def save_visits(active: dict[UUID, float]) -> None:
    """Active readers get a row, to be filled. The visits of readers who have a row and are not active are halved."""
    chosen = list(active)[:MAX_READERS]
    known = User.objects.active().filter(pk__in=chosen).values_list("pk", flat=True)
    FeedSnapshot.objects.bulk_create(
        [FeedSnapshot(user_id=pk, visits=active[pk]) for pk in known],
        update_conflicts=True,
        unique_fields=["user"],
        update_fields=["visits"],
        batch_size=1000,
    )
    FeedSnapshot.objects.exclude(user__in=chosen).update(visits=F("visits") / 2)


def due(now: datetime, *, limit: int | None = None) -> list[UUID]:
    """Active readers whose snapshot is missing or stale, oldest first."""
    old = Q(built_at__lte=now - timedelta(seconds=settings.FEED_SNAPSHOT_SECONDS)) | Q(built_at=None)
    active = FeedSnapshot.objects.filter(old, visits__gte=settings.FEED_HOT_VISITS, user__state=User.State.ACTIVE)
    return list(active.order_by(F("built_at").asc(nulls_first=True), "pk").values_list("pk", flat=True)[:limit])


def rebuild(readers: Iterable[UUID], runner: BatchRunner, *, hurry: bool = True) -> int:
    """One after the other, no faster than FEED_BACKFILL_PER_SECOND. Returns how many were built."""
    pause = (1 if hurry else 4) / settings.FEED_BACKFILL_PER_SECOND
    built = 0
    for reader in readers:
        if not runner.has_time():
            break
        built += build(reader)
        runner.advance(1)
        runner.wait(pause)
    return built


def build(user_id: UUID) -> bool:
    """Build the snapshot, and the live timeline with it. Returns False if the snapshot was discarded meanwhile."""
    row, _ = FeedSnapshot.objects.get_or_create(user_id=user_id)
    lookup = live.claim(user_id)
    ids = pack(timeline.newest_ids(user_id, limit=LENGTH))
    live.store(user_id, lookup, ids)
    same = FeedSnapshot.objects.filter(pk=user_id, generation=row.generation)
    return bool(same.update(ids=ids, built_at=timezone.now()))
