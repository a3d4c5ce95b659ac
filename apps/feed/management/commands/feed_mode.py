"""`manage.py feed_mode`: show and pin the mode of the feed."""

from collections.abc import Iterable
from typing import Any

from django.core.management.base import CommandParser

from apps.core.management.base import OperatorCommand, Result
from apps.feed import mode
from apps.feed.models import FeedMode


class Command(OperatorCommand):
    help = (
        "Show the mode of the feed and the inputs of the decision; or pin a mode, until `auto` lets the policy decide "
        "again. busy: new posts are pushed to the most active readers only, and readers without a timeline get a "
        "snapshot. recovering: as normal, with slow snapshots."
    )
    examples = """
  manage.py feed_mode       show the mode
  manage.py feed_mode busy  pin a mode
  manage.py feed_mode auto  let the policy decide
"""
    in_batches = False

    def add_options(self, parser: CommandParser) -> None:
        parser.add_argument("mode", nargs="?", choices=["auto", *FeedMode.Mode.values], help="the mode to pin")

    def work(self, *, dry_run: bool, **options: Any) -> Result:
        wanted: str | None = options["mode"]
        if wanted and not dry_run:
            mode.pin("" if wanted == "auto" else wanted)
        saved = mode.row()
        return {
            "mode": mode.effective(saved),
            "pinned": bool(saved.pinned),
            "decided": saved.mode,
            "decided_at": saved.decided_at,
            "inputs": {"queue": saved.queue, "seconds": saved.seconds, "hit_ratio": saved.hit_ratio},
        }

    def format_result(self, result: Result) -> Iterable[str]:
        pinned = f" (pinned; the policy says {result['decided']})" if result["pinned"] else ""
        yield f"The feed is {result['mode']}{pinned}."
        for name, value in result["inputs"].items():
            yield f"  {name:<10} {'too few to tell' if value is None else round(value, 3)}"
