"""Decides how the feed works: a pure function of measured numbers.

- *normal*: new posts are pushed to every live timeline. A reader without a timeline gets it built.
- *busy*: new posts are pushed to the most active readers only. A reader without a timeline gets a snapshot, which may
  be a little stale. Snapshots are renewed slowly.
- *recovering*: as normal, but snapshots are still renewed slowly, until there was no trouble for a while.
"""

from dataclasses import dataclass

NORMAL, BUSY, RECOVERING = "normal", "busy", "recovering"
# Decisions without trouble until recovering is over.
CALM_DECISIONS = 3


@dataclass(frozen=True)
class Inputs:
    """`queue`: unfinished tasks of the feed, and `queue_before` at the last decision; `seconds`: average duration of a
    page; `hit_ratio`: share of the active readers' visits that found a timeline. None: too few to tell."""

    queue: int = 0
    queue_before: int = 0
    seconds: float | None = None
    hit_ratio: float | None = None


@dataclass(frozen=True)
class Thresholds:
    """The settings FEED_BUSY_QUEUE, FEED_BUSY_SECONDS and FEED_HIT_RATIO."""

    queue: int
    seconds: float
    hit_ratio: float


@dataclass(frozen=True)
class Decision:
    """`calm`: decisions without trouble in a row since the feed was busy."""

    mode: str = NORMAL
    calm: int = 0


def decide(before: Decision, inputs: Inputs, thresholds: Thresholds) -> Decision:
    if is_trouble(before, inputs, thresholds):
        return Decision(BUSY)
    if before.mode == NORMAL:
        return before
    calm = before.calm + 1
    return Decision(NORMAL) if calm > CALM_DECISIONS else Decision(RECOVERING, calm)


def is_trouble(before: Decision, inputs: Inputs, thresholds: Thresholds) -> bool:
    """Trouble begins with a queue that is long and grows, slow pages or missing timelines. It lasts until the queue is
    half as long."""
    if before.mode == NORMAL:
        queue = inputs.queue >= thresholds.queue and inputs.queue > inputs.queue_before
    else:
        queue = inputs.queue >= thresholds.queue / 2
    slow = inputs.seconds is not None and inputs.seconds > thresholds.seconds
    missing = inputs.hit_ratio is not None and inputs.hit_ratio < thresholds.hit_ratio
    return queue or slow or missing
