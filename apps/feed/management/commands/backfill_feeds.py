"""`manage.py backfill_feeds`: the snapshots of feeds are there before their readers ask."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.core.management.base import CommandError, CommandParser
from django.utils import timezone

from apps.accounts.models import User
from apps.core import cache
from apps.core.management.base import OperatorCommand, Result
from apps.feed import live, snapshots
from apps.feed.models import FeedSnapshot


class Command(OperatorCommand):
    help = (
        "Build snapshots of feeds anew, from which people are served while the feed is busy: of everybody who has read "
        "theirs lately; of one person; or, as a job does every five minutes, only those that are due of people who "
        "read often. At most FEED_BACKFILL_PER_SECOND in a second. Use it before Redis is emptied or moved. If you "
        "stop this command, run it again."
    )
    examples = """
  manage.py backfill_feeds --dry-run      how many would be built?
  manage.py backfill_feeds                of everybody who has read lately
  manage.py backfill_feeds --hot          of those who read often, if due
  manage.py backfill_feeds --user @alice  of one person
"""

    def add_options(self, parser: CommandParser) -> None:
        which = parser.add_mutually_exclusive_group()
        which.add_argument("--user", default="", metavar="WHO", help="only of this person: @handle, e-mail or id")
        which.add_argument("--hot", action="store_true", help="only those that are due of people who read often")
        parser.add_argument("--limit", type=int, metavar="N", help="at most so many, hottest or oldest first")

    def work(self, *, user: str, hot: bool, limit: int | None, dry_run: bool, **options: Any) -> Result:
        if limit is not None and limit < 1:
            raise CommandError("--limit is a number from 1 on.")
        readers = (_person(user) if user else _due() if hot else _everybody())[:limit]
        if dry_run:
            return {"found": len(readers), "built": 0}
        with self.progress("Feeds", len(readers)):
            built = snapshots.rebuild(readers, self.pace)
        return {"found": len(readers), "built": built}

    def format_result(self, result: Result) -> Iterable[str]:
        yield f"{result['found']} feeds found, {result['built']} snapshots built."


def _person(who: str) -> list[UUID]:
    user = User.objects.active().named(who).first()
    if user is None:
        raise CommandError(f"There is nobody called {who}.")
    return [user.pk]


def _due() -> list[UUID]:
    return snapshots.due(timezone.now())


def _everybody() -> list[UUID]:
    """Hottest first, as Redis knows them; then those who have a snapshot."""
    try:
        seen = list(live.readers())
    except cache.RedisUnavailable:
        seen = []
    kept = FeedSnapshot.objects.order_by("-visits", "pk").values_list("pk", flat=True)
    readers = dict.fromkeys([*seen, *kept])
    standing = set(User.objects.active().filter(pk__in=readers).values_list("pk", flat=True))
    return [reader for reader in readers if reader in standing]
