"""`manage.py repair_fields`: what is written down twice says the same in both places."""

from collections import Counter as Tally
from collections.abc import Iterable
from typing import Any

from django.core.management.base import CommandParser

from apps.accounts import repair as accounts
from apps.accounts.models import User
from apps.content import repair
from apps.core.management.base import LISTED, OperatorCommand, Result


class Command(OperatorCommand):
    help = (
        "Compare the fields that follow from other rows with these rows, and correct those that are wrong: whether a "
        "medium is in use, whether a photo or an avatar has public copies, and the tags of posts. Jobs do the same "
        "once a day."
    )
    examples = """
  manage.py repair_fields --dry-run          which fields are wrong?
  manage.py repair_fields                    correct them
  manage.py repair_fields --field post.tags  only the tags of posts
"""

    def add_options(self, parser: CommandParser) -> None:
        fields = [*sorted(repair.FIELDS), accounts.EXPOSED]
        parser.add_argument(
            "--field", default="", choices=fields, metavar="NAME", help=f"only one of {', '.join(fields)}"
        )

    def work(self, *, field: str, dry_run: bool, **options: Any) -> Result:
        wrong: Tally[str] = Tally()
        listed: list[dict[str, Any]] = []
        avatars = field in ("", accounts.EXPOSED)
        others = {name: rows for name, (rows, _) in repair.FIELDS.items() if field in ("", name)}
        total = sum(rows().count() for rows in others.values()) + (User.objects.count() if avatars else 0)
        with self.progress("Fields", total):
            for finding in self._found(field, avatars=avatars, others=bool(others), dry_run=dry_run):
                wrong[finding.field] += 1
                if len(listed) < LISTED:
                    listed.append(
                        {"field": finding.field, "id": str(finding.pk), "shown": finding.shown, "true": finding.true}
                    )
        names = [*sorted(others), *([accounts.EXPOSED] if avatars else [])]
        return {"checked": self.pace.rows, "wrong": {name: wrong[name] for name in names}, "found": listed}

    def _found(self, field: str, *, avatars: bool, others: bool, dry_run: bool) -> Iterable[Any]:
        if others:
            yield from repair.wrong_fields(self.pace, only=field, dry_run=dry_run)
        if avatars:
            self.pace.place = {}
            yield from accounts.wrong_avatars(self.pace, dry_run=dry_run)

    def told(self, result: Result) -> Iterable[str]:
        for found in result["found"]:
            yield f"{found['field']} of {found['id']}: {found['shown']} shown, {found['true']} true"
        yield f"{result['checked']} rows checked."
        for name, wrong in result["wrong"].items():
            yield f"  {name:<24} {wrong} wrong"
