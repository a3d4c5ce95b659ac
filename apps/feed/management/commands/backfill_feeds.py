"""`manage.py backfill_feeds`: build the snapshots of feeds in advance."""

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
        "Build the snapshots of feeds that are shown while the feed is busy: of all users who have read their feed "
        "lately; of one user; or, as a job does every five minutes, the due ones of active readers. At most "
        "FEED_BACKFILL_PER_SECOND per second. Use it before Redis is emptied or moved. If you stop this command, run "
        "it again."
    )
    examples = """
  manage.py backfill_feeds --dry-run      count them
  manage.py backfill_feeds                all users who have read their feed lately
  manage.py backfill_feeds --hot          active readers whose snapshot is due
  manage.py backfill_feeds --user @alice  one user
"""

    def add_options(self, parser: CommandParser) -> None:
        which = parser.add_mutually_exclusive_group()
        which.add_argument("--user", default="", metavar="WHO", help="only this user: @handle, e-mail or id")
        which.add_argument("--hot", action="store_true", help="only the due ones of active readers")
        parser.add_argument("--limit", type=int, metavar="N", help="at most this many, most active or oldest first")

    def work(self, *, user: str, hot: bool, limit: int | None, dry_run: bool, **options: Any) -> Result:
        if limit is not None and limit < 1:
            raise CommandError("--limit must be at least 1.")
        readers = (_user(user) if user else _due() if hot else _all_readers())[:limit]
        if dry_run:
            return {"found": len(readers), "built": 0}
        with self.progress("Feeds", len(readers)):
            built = snapshots.rebuild(readers, self.runner)
        return {"found": len(readers), "built": built}

    def format_result(self, result: Result) -> Iterable[str]:
        yield f"{result['found']} feeds found, {result['built']} snapshots built."


def _user(who: str) -> list[UUID]:
    user = User.objects.active().named(who).first()
    if user is None:
        raise CommandError(f"There is no user {who}.")
    return [user.pk]


def _due() -> list[UUID]:
    return snapshots.due(timezone.now())


def _all_readers() -> list[UUID]:
    """Most active first according to Redis, then those who have a snapshot."""
    try:
        seen = list(live.readers())
    except cache.RedisUnavailable:
        seen = []
    saved = FeedSnapshot.objects.order_by("-visits", "pk").values_list("pk", flat=True)
    readers = dict.fromkeys([*seen, *saved])
    active = set(User.objects.active().filter(pk__in=readers).values_list("pk", flat=True))
    return [reader for reader in readers if reader in active]
