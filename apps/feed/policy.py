"""How the feed works, decided from how it goes: a function of numbers, with nothing else in it.

- *normal*: new posts are pushed to every live timeline; who finds none has it built.
- *busy*: new posts are pushed to the hottest readers only; whose timeline is missing gets a snapshot, a little stale,
  if there is one; snapshots are renewed slowly.
- *recovering*: as normal, but snapshots are still renewed slowly, until it has been calm for a while.
"""

from dataclasses import dataclass

NORMAL, BUSY, RECOVERING = "normal", "busy", "recovering"
# Looks without trouble before recovering is over.
CALM_LOOKS = 3


@dataclass(frozen=True)
class Signs:
    """`queue`: tasks of the feed that are not done, and `queue_before` at the last look; `seconds`: what a page took on
    average; `hit_ratio`: how many of the hot readers found their timeline. None: too few to tell."""

    queue: int = 0
    queue_before: int = 0
    seconds: float | None = None
    hit_ratio: float | None = None


@dataclass(frozen=True)
class Thresholds:
    """Of the settings: FEED_BUSY_QUEUE, FEED_BUSY_SECONDS and FEED_HIT_RATIO."""

    queue: int
    seconds: float
    hit_ratio: float


@dataclass(frozen=True)
class Decision:
    """`calm`: looks without trouble in a row since it was busy."""

    mode: str = NORMAL
    calm: int = 0


def decide(before: Decision, signs: Signs, thresholds: Thresholds) -> Decision:
    if is_trouble(before, signs, thresholds):
        return Decision(BUSY)
    if before.mode == NORMAL:
        return before
    calm = before.calm + 1
    return Decision(NORMAL) if calm > CALM_LOOKS else Decision(RECOVERING, calm)


def is_trouble(before: Decision, signs: Signs, thresholds: Thresholds) -> bool:
    """What begins trouble is a queue that is long and grows; what ends it, one that is half as long."""
    if before.mode == NORMAL:
        queue = signs.queue >= thresholds.queue and signs.queue > signs.queue_before
    else:
        queue = signs.queue >= thresholds.queue / 2
    slow = signs.seconds is not None and signs.seconds > thresholds.seconds
    missing = signs.hit_ratio is not None and signs.hit_ratio < thresholds.hit_ratio
    return queue or slow or missing
