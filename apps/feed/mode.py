"""The mode in which the feed works: collect the inputs, let the policy decide, publish the result to Redis.

The row in the database is authoritative. A decision is valid for MODE_SECONDS, in the row and in Redis, so that the
feed works normally if the job does not run. A pinned mode is valid until it is unpinned; the job publishes it to Redis,
where readers look it up, again and again.
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
from apps.feed.policy import Decision, Inputs, Thresholds

log = structlog.get_logger(__name__)
MODE_SECONDS = 120
# Pages, or visits of active readers, that are needed for an average.
MIN_SAMPLES = 20


def row() -> FeedMode:
    """The row, or an unsaved one with the defaults: reading writes nothing."""
    return FeedMode.objects.filter(pk=1).first() or FeedMode(pk=1, decided_at=timezone.now())


def effective(saved: FeedMode) -> str:
    """The pinned mode, otherwise the decided one if the decision is recent."""
    if saved.pinned:
        return saved.pinned
    is_old = saved.decided_at < timezone.now() - timedelta(seconds=MODE_SECONDS)
    return policy.NORMAL if is_old else saved.mode


def current() -> str:
    return effective(row())


def thresholds() -> Thresholds:
    return Thresholds(
        queue=settings.FEED_BUSY_QUEUE, seconds=settings.FEED_BUSY_SECONDS, hit_ratio=settings.FEED_HIT_RATIO
    )


def decide() -> bool:
    """Decide the mode anew. Returns whether it has changed."""
    saved = row()
    before = Decision(saved.mode, saved.calm)
    inputs = _inputs(saved.queue)
    after = policy.decide(before, inputs, thresholds())
    saved = _write(
        mode=after.mode,
        calm=after.calm,
        queue=inputs.queue,
        seconds=inputs.seconds,
        hit_ratio=inputs.hit_ratio,
        decided_at=timezone.now(),
    )
    changed = after.mode != before.mode
    if changed:
        log.warning("feed_mode", mode=after.mode, before=before.mode, inputs=inputs, pinned=saved.pinned)
    _publish(saved)
    return changed


def pin(mode: str) -> None:
    """Use `mode` whatever the policy decides; empty: the policy decides again. It applies at once, unless Redis is
    unavailable."""
    saved = _write(pinned=mode)
    log.warning("feed_mode_pinned", mode=mode)
    _publish(saved)


def note_missed() -> None:
    """A task could not update the timelines in Redis: when Redis is available again, all of them are invalid. Processes
    of the API have their own record (`live.py`)."""
    _write(missed_at=timezone.now())


def _write(**values: Any) -> FeedMode:
    return FeedMode.objects.update_or_create(pk=1, defaults=values)[0]


def _inputs(queue_before: int) -> Inputs:
    queue = backlog.by_queue()["feed"].depth
    try:
        counted = live.pop_stats()
    except cache.RedisUnavailable:
        counted = {}
    pages, visits = counted.get("pages", 0), counted.get("hits", 0) + counted.get("misses", 0)
    return Inputs(
        queue=queue,
        queue_before=queue_before,
        seconds=counted["seconds"] / pages if pages >= MIN_SAMPLES else None,
        hit_ratio=counted.get("hits", 0) / visits if visits >= MIN_SAMPLES else None,
    )


def _publish(saved: FeedMode) -> None:
    """Publish the mode. Restore the visits if Redis has lost them. Begin a new epoch if an update was missed."""
    try:
        if saved.missed_at:
            live.begin_epoch()
        live.publish_mode(effective(saved), seconds=MODE_SECONDS)
        snapshots.restore_visits()
    except cache.RedisUnavailable:
        return
    if saved.missed_at:
        FeedMode.objects.filter(pk=1, missed_at=saved.missed_at).update(missed_at=None)
