"""`manage.py repair_counters`: the numbers shown on posts, comments and profiles are those of the rows."""

from collections.abc import Iterable
from typing import Any

from django.core.management.base import CommandError, CommandParser

from apps.core.db.batches import Checkpoint
from apps.core.db.counters import every_counter
from apps.core.db.ids import parse_id
from apps.core.management import drifts
from apps.core.management.base import OperatorCommand, Result
from apps.core.tasks import housekeeping


class Command(OperatorCommand):
    help = (
        "Compare every counter (likes of a post, followers of a profile, ...) with the rows that it counts, and "
        "correct wrong ones. A scheduled job does the same. Rows are locked only for a moment."
    )
    examples = """
  manage.py repair_counters --dry-run                          which counters are wrong?
  manage.py repair_counters                                    correct them
  manage.py repair_counters --counter content.post.like_count  only the likes of posts
  manage.py repair_counters --after CHECKPOINT                 continue an interrupted run
"""

    def add_options(self, parser: CommandParser) -> None:
        labels = ", ".join(sorted(counter.label for counter in every_counter()))
        parser.add_argument("--counter", default="", metavar="NAME", help=f"only this one of {labels}")
        parser.add_argument(
            "--after", default="", metavar="CHECKPOINT", help="continue after this checkpoint of an interrupted run"
        )

    def work(self, *, counter: str, after: str, dry_run: bool, **options: Any) -> Result:
        counters = [known for known in every_counter() if counter in ("", known.label)]
        if not counters:
            raise CommandError(f"There is no counter {counter}.")
        self.runner.checkpoint = _parsed(after)
        total = sum(known.shown_on._base_manager.count() for known in counters)
        with self.progress("Counters", total):
            wrong = housekeeping.drifts(self.runner, only=counter, dry_run=dry_run)
            result = drifts.tally(wrong, sorted(known.label for known in counters), kind="counter")
        place = self.runner.checkpoint
        go_on_after = f"{place['counter']}/{place['after']}" if self.runner.stopped and place else None
        return {"checked": self.runner.rows} | result | {"go_on_after": go_on_after}

    def format_result(self, result: Result) -> Iterable[str]:
        yield from drifts.in_words(result, kind="counter", checked="counters", width=32)
        if result["go_on_after"]:
            yield f"To continue: manage.py repair_counters --after {result['go_on_after']}"


def _parsed(after: str) -> Checkpoint:
    """Raises CommandError."""
    if not after:
        return {}
    counter, _, pk = after.partition("/")
    if parse_id(pk) is None:
        raise CommandError(f"{after} is not a checkpoint of this command.")
    return {"counter": counter, "after": pk}
