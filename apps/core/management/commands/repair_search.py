"""`manage.py repair_search`: the words under which rows are found are those of their texts."""

from collections.abc import Iterable
from typing import Any

from django.core.management.base import CommandError, CommandParser

from apps.core.db import derived
from apps.core.db.batches import Checkpoint
from apps.core.db.ids import parse_id
from apps.core.management.base import OperatorCommand, Result


class Command(OperatorCommand):
    help = (
        "Compare the words under which posts, comments and tags are found with their texts, and write missing and "
        "wrong ones. Run it once after a release that changes these words; a job does the same once a day. The search "
        "works meanwhile. No row is locked longer than for its own update."
    )
    examples = """
  manage.py repair_search --dry-run                   how many rows lack their words?
  manage.py repair_search                             write them
  manage.py repair_search --field content.post.words  only the words of posts
  manage.py repair_search --after CHECKPOINT          continue an interrupted run
"""

    def add_options(self, parser: CommandParser) -> None:
        labels = [field.label for field in derived.every_field()]
        parser.add_argument(
            "--field", default="", choices=labels, metavar="NAME", help=f"only one of {', '.join(labels)}"
        )
        parser.add_argument(
            "--after", default="", metavar="CHECKPOINT", help="continue after this checkpoint of an interrupted run"
        )

    def work(self, *, field: str, after: str, dry_run: bool, **options: Any) -> Result:
        fields = [known for known in derived.every_field() if field in ("", known.label)]
        self.runner.checkpoint = _parsed(after)
        wrong = dict.fromkeys((known.label for known in fields), 0)
        with self.progress("Rows", sum(known.model._base_manager.count() for known in fields)):
            for drift in derived.repair(self.runner, only=field, dry_run=dry_run):
                wrong[drift.field] += 1
        place = self.runner.checkpoint
        go_on_after = f"{place['field']}/{place['after']}" if self.runner.stopped and place else None
        return {"checked": self.runner.rows, "wrong": wrong, "go_on_after": go_on_after}

    def format_result(self, result: Result) -> Iterable[str]:
        yield f"{result['checked']} rows checked."
        for field, wrong in result["wrong"].items():
            yield f"  {field:<28} {wrong} wrong"
        if result["go_on_after"]:
            yield f"To continue: manage.py repair_search --after {result['go_on_after']}"


def _parsed(after: str) -> Checkpoint:
    """Raises CommandError."""
    if not after:
        return {}
    field, _, pk = after.partition("/")
    if parse_id(pk) is None:
        raise CommandError(f"{after} is not a checkpoint of this command.")
    return {"field": field, "after": pk}
