"""How the feed works at present, why, and from where on it would work otherwise."""

from apps.core.ops import metrics
from apps.feed import mode, snapshots
from apps.feed.models import FeedMode


def modes() -> metrics.Values:
    in_force = mode.current()
    return {(name,): float(name == in_force) for name in FeedMode.Mode.values}


def signs() -> metrics.Values:
    """Those that could be told at the last look."""
    kept = mode.row()
    told = {"queue": kept.queue, "seconds": kept.seconds, "hit_ratio": kept.hit_ratio}
    return {(name,): float(value) for name, value in told.items() if value is not None}


def thresholds() -> metrics.Values:
    limits = mode.thresholds()
    return {("queue",): limits.queue, ("seconds",): limits.seconds, ("hit_ratio",): limits.hit_ratio}


def pinned() -> metrics.Values:
    return {(): float(bool(mode.row().pinned))}


def register() -> None:
    metrics.gauge("photogram_feed_mode", "1 for the mode that the feed works in.", ["mode"], modes)
    metrics.gauge("photogram_feed_mode_pinned", "1 if an operator has decided it.", [], pinned)
    metrics.gauge("photogram_feed_sign", "What the mode was last decided from.", ["sign"], signs)
    metrics.gauge(
        "photogram_feed_threshold",
        "From where on a sign means that the feed is busy.",
        ["sign"],
        thresholds,
        from_database=False,
    )
    metrics.gauge(
        "photogram_feed_snapshots",
        "Snapshots of feeds that are young enough to be shown.",
        [],
        lambda: {(): float(snapshots.number_shown())},
    )
