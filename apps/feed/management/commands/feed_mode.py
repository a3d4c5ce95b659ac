"""`manage.py feed_mode`: how the feed works, and having it work otherwise."""

from collections.abc import Iterable
from typing import Any

from django.core.management.base import CommandParser

from apps.core.management.base import OperatorCommand, Result
from apps.feed import mode
from apps.feed.models import FeedMode


class Command(OperatorCommand):
    help = (
        "Show the mode that the feed works in and the signs that it was decided from; or pin a mode, whatever the "
        "signs say, until `auto` lets them decide again. busy: new posts are pushed to the hottest readers only, and "
        "people whose timeline is missing get a snapshot. recovering: as normal, with slow snapshots."
    )
    examples = """
  manage.py feed_mode       how does it work?
  manage.py feed_mode busy  pin a mode
  manage.py feed_mode auto  let the signs decide
"""
    in_batches = False

    def add_options(self, parser: CommandParser) -> None:
        parser.add_argument("mode", nargs="?", choices=["auto", *FeedMode.Mode.values], help="the mode to pin")

    def work(self, *, dry_run: bool, **options: Any) -> Result:
        wanted: str | None = options["mode"]
        if wanted and not dry_run:
            mode.pin("" if wanted == "auto" else wanted)
        kept = mode.row()
        return {
            "mode": mode.in_force(kept),
            "pinned": bool(kept.pinned),
            "decided": kept.mode,
            "decided_at": kept.decided_at,
            "signs": {"queue": kept.queue, "seconds": kept.seconds, "hit_ratio": kept.hit_ratio},
        }

    def format_result(self, result: Result) -> Iterable[str]:
        pinned = f" (pinned; the signs say {result['decided']})" if result["pinned"] else ""
        yield f"The feed is {result['mode']}{pinned}."
        for sign, value in result["signs"].items():
            yield f"  {sign:<10} {'too few to tell' if value is None else round(value, 3)}"
