"""The mode that the feed works in: the signs are gathered, the policy decides, and Redis is told.

The row is the record. In Redis the mode lives for MODE_SECONDS, so that a feed whose job has died works normally.
"""

from datetime import datetime, timedelta

import structlog
from django.conf import settings
from django.utils import timezone

from apps.core import backlog, redis
from apps.feed import live, policy
from apps.feed.models import FeedMode, FeedSnapshot
from apps.feed.policy import Decision, Signs, Thresholds
from apps.feed.snapshots import MOST

log = structlog.get_logger(__name__)
MODE_SECONDS = 120
# Pages, and visits of hot readers, between two looks; fewer say nothing.
ENOUGH = 20


def row() -> FeedMode:
    return FeedMode.objects.get_or_create(pk=1)[0]


def current() -> str:
    """The mode in force."""
    kept = row()
    return kept.pinned or kept.mode


def thresholds() -> Thresholds:
    return Thresholds(
        queue=settings.FEED_BUSY_QUEUE, seconds=settings.FEED_BUSY_SECONDS, hit_ratio=settings.FEED_HIT_RATIO
    )


def decide() -> bool:
    """A look at the signs. True if the policy has changed its mind."""
    kept = row()
    before = Decision(kept.mode, kept.calm)
    signs = _signs(kept.queue)
    after = policy.decide(before, signs, thresholds())
    FeedMode.objects.filter(pk=1).update(
        mode=after.mode,
        calm=after.calm,
        queue=signs.queue,
        seconds=signs.seconds,
        hit_ratio=signs.hit_ratio,
        decided_at=timezone.now(),
    )
    changed = after.mode != before.mode
    if changed:
        log.warning("feed_mode", mode=after.mode, before=before.mode, signs=signs, pinned=kept.pinned)
    _tell(kept.pinned or after.mode, missed_at=kept.missed_at)
    return changed


def pin(mode: str) -> None:
    """`mode` is in force whatever the policy says; empty: the policy decides again. At once, if Redis is there."""
    kept = row()
    FeedMode.objects.filter(pk=1).update(pinned=mode)
    log.warning("feed_mode_pinned", mode=mode)
    _tell(mode or kept.mode, missed_at=None)


def note_missed() -> None:
    """The timelines in Redis could not be told of something: once it is back, none of them is believed."""
    row()
    FeedMode.objects.filter(pk=1).update(missed_at=timezone.now())


def _signs(queue_before: int) -> Signs:
    queue = backlog.by_queue()["feed"].depth
    try:
        counted = live.take_signs()
    except redis.Absent:
        counted = {}
    pages, visits = counted.get("pages", 0), counted.get("hits", 0) + counted.get("misses", 0)
    return Signs(
        queue=queue,
        queue_before=queue_before,
        seconds=counted["seconds"] / pages if pages >= ENOUGH else None,
        hit_ratio=counted.get("hits", 0) / visits if visits >= ENOUGH else None,
    )


def _tell(mode: str, *, missed_at: datetime | None) -> None:
    """Also who was hot, if Redis has forgotten; and that timelines lack something, if something was missed."""
    try:
        if missed_at:
            live.begin_epoch()
        live.tell_mode(mode, seconds=MODE_SECONDS)
        recent = FeedSnapshot.objects.filter(built_at__gt=timezone.now() - timedelta(days=1))
        live.remind_of_visits(dict(recent.values_list("user", "visits")[:MOST]))
    except redis.Absent:
        return
    if missed_at:
        FeedMode.objects.filter(pk=1, missed_at=missed_at).update(missed_at=None)
