"""The mode that the feed works in: the signs are gathered, the policy decides, and Redis is told.

The row is the record. What was decided counts for MODE_SECONDS, in the row as in Redis, so that a feed whose job has
died works normally. What was pinned counts in the row for as long as it is pinned; Redis, which is asked when a page is
read, is told of it again by the job.
"""

from datetime import timedelta
from typing import Any

import structlog
from django.conf import settings
from django.utils import timezone

from apps.core import cache
from apps.core.tasks import backlog
from apps.feed import live, policy, snapshots
from apps.feed.models import FeedMode
from apps.feed.policy import Decision, Signs, Thresholds

log = structlog.get_logger(__name__)
MODE_SECONDS = 120
# Pages, and visits of hot readers, between two looks; fewer say nothing.
ENOUGH = 20


def row() -> FeedMode:
    """As it would be written first, if nothing has been decided, pinned or missed yet: reading writes nothing."""
    return FeedMode.objects.filter(pk=1).first() or FeedMode(pk=1, decided_at=timezone.now())


def in_force(kept: FeedMode) -> str:
    """What is pinned; otherwise what was decided, unless it was so long ago that nobody decides any more."""
    if kept.pinned:
        return kept.pinned
    is_old = kept.decided_at < timezone.now() - timedelta(seconds=MODE_SECONDS)
    return policy.NORMAL if is_old else kept.mode


def current() -> str:
    return in_force(row())


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
    kept = _write(
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
    _tell(kept)
    return changed


def pin(mode: str) -> None:
    """`mode` is in force whatever the policy says; empty: the policy decides again. At once, if Redis is there."""
    kept = _write(pinned=mode)
    log.warning("feed_mode_pinned", mode=mode)
    _tell(kept)


def note_missed() -> None:
    """The timelines in Redis could not be told of something by a task: once it is back, none of them is believed. What
    a process of the API could not tell it notes for itself (`live.py`)."""
    _write(missed_at=timezone.now())


def _write(**values: Any) -> FeedMode:
    return FeedMode.objects.update_or_create(pk=1, defaults=values)[0]


def _signs(queue_before: int) -> Signs:
    queue = backlog.by_queue()["feed"].depth
    try:
        counted = live.take_signs()
    except cache.RedisUnavailable:
        counted = {}
    pages, visits = counted.get("pages", 0), counted.get("hits", 0) + counted.get("misses", 0)
    return Signs(
        queue=queue,
        queue_before=queue_before,
        seconds=counted["seconds"] / pages if pages >= ENOUGH else None,
        hit_ratio=counted.get("hits", 0) / visits if visits >= ENOUGH else None,
    )


def _tell(kept: FeedMode) -> None:
    """Also who was hot, if Redis has forgotten; and that timelines lack something, if something was missed."""
    try:
        if kept.missed_at:
            live.begin_epoch()
        live.tell_mode(in_force(kept), seconds=MODE_SECONDS)
        snapshots.remind_of_visits()
    except cache.RedisUnavailable:
        return
    if kept.missed_at:
        FeedMode.objects.filter(pk=1, missed_at=kept.missed_at).update(missed_at=None)
