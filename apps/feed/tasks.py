"""Doorbells."""

from apps.core.batches import Pace
from apps.core.scheduled import scheduled
from apps.feed import explore


@scheduled
def keep_explore_scores(*, pace: Pace, **_: object) -> int:
    return explore.keep_scores(pace)
