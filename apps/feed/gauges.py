"""Gauges of the feed: its mode, the inputs of the decision, and the thresholds."""

from apps.core.ops import metrics
from apps.feed import mode, snapshots
from apps.feed.models import FeedMode


def modes() -> metrics.Values:
    current = mode.current()
    return {(name,): float(name == current) for name in FeedMode.Mode.values}


def inputs() -> metrics.Values:
    """The inputs that were known at the last decision."""
    saved = mode.row()
    known = {"queue": saved.queue, "seconds": saved.seconds, "hit_ratio": saved.hit_ratio}
    return {(name,): float(value) for name, value in known.items() if value is not None}


def thresholds() -> metrics.Values:
    limits = mode.thresholds()
    return {("queue",): limits.queue, ("seconds",): limits.seconds, ("hit_ratio",): limits.hit_ratio}


def pinned() -> metrics.Values:
    return {(): float(bool(mode.row().pinned))}


def register() -> None:
    metrics.gauge("photogram_feed_mode", "1 for the current mode of the feed.", ["mode"], modes)
    metrics.gauge("photogram_feed_mode_pinned", "1 if an operator has pinned the mode.", [], pinned)
    metrics.gauge("photogram_feed_mode_input", "Inputs of the last decision about the mode.", ["input"], inputs)
    metrics.gauge(
        "photogram_feed_threshold",
        "Value of an input at which the feed becomes busy.",
        ["input"],
        thresholds,
        from_database=False,
    )
    metrics.gauge(
        "photogram_feed_snapshots",
        "Feed snapshots that are recent enough to be shown.",
        [],
        lambda: {(): float(snapshots.count_usable())},
    )
