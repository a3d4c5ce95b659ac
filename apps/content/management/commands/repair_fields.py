"""`manage.py repair_fields`: correct fields that repeat what other rows say."""

from collections.abc import Iterable
from typing import Any

from django.core.management.base import CommandParser

from apps.content import repair
from apps.core.management import drifts
from apps.core.management.base import OperatorCommand, Result


class Command(OperatorCommand):
    help = (
        "Compare fields that repeat what other rows say with these rows, and correct wrong ones: whether a medium is "
        "in use, whether a photo or an avatar has public copies, and the tags of posts. A job does the same once a "
        "day."
    )
    examples = """
  manage.py repair_fields --dry-run          list the wrong fields
  manage.py repair_fields                    correct the wrong fields
  manage.py repair_fields --field post.tags  only the tags of posts
"""

    def add_options(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--field",
            default="",
            choices=list(repair.FIELDS),
            metavar="NAME",
            help=f"only one of {', '.join(repair.FIELDS)}",
        )

    def work(self, *, field: str, dry_run: bool, **options: Any) -> Result:
        chosen = [field] if field else list(repair.FIELDS)
        with self.progress("Fields", sum(repair.FIELDS[name][0]().count() for name in chosen)):
            wrong = repair.wrong_fields(self.runner, only=field, dry_run=dry_run)
            result = drifts.tally(wrong, chosen, kind="field")
        return {"checked": self.runner.rows} | result

    def format_result(self, result: Result) -> Iterable[str]:
        return drifts.in_words(result, kind="field", checked="rows", width=24)
