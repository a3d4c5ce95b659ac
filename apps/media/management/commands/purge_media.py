"""`manage.py purge_media`: delete obsolete objects from storage now."""

from collections.abc import Callable, Iterable
from typing import Any

from django.core.management.base import CommandError, CommandParser

from apps.core.management.base import OperatorCommand, Result
from apps.media import inventory, storage, sweeps
from apps.media.models import PendingDeletion

PARTS = ["abandoned", "orphaned", "pending"]
# The former name of a part, for one release.
FORMER_NAMES = {"doomed": "pending"}


class Command(OperatorCommand):
    help = (
        "Remove uploads that were started more than a day ago and never completed, schedule the deletion of objects "
        "without a row that are older than a day, and delete all scheduled objects, including those that storage "
        "refused to delete before. Scheduled jobs do the same every hour, every day and every few seconds. If you stop "
        "this command, run it again."
    )
    examples = """
  manage.py purge_media --dry-run       only count
  manage.py purge_media                 everything
  manage.py purge_media --only pending  only delete the objects that are already scheduled
"""

    def add_options(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--only",
            choices=PARTS,
            type=lambda name: FORMER_NAMES.get(name, name),
            action="append",
            help="only this part; may be repeated",
        )

    def work(self, *, only: list[str] | None, dry_run: bool, **options: Any) -> Result:
        parts = only or PARTS
        try:
            return self._count(parts) if dry_run else self._purge(parts)
        except storage.StorageError as error:
            raise CommandError(f"Storage did not answer: {error}") from error

    def _count(self, parts: list[str]) -> Result:
        result: Result = {}
        if "abandoned" in parts:
            result["abandoned"] = sweeps.abandoned_uploads().count()
        if "orphaned" in parts:
            result["orphaned"] = self._through_storage(lambda shard: sum(map(len, inventory.orphans(shard))))
        if "pending" in parts:
            result["deleted"] = sweeps.deletable_now().count()
            result["pending"] = PendingDeletion.objects.count() - result["deleted"]
        return result

    def _purge(self, parts: list[str]) -> Result:
        result: Result = {}
        if "abandoned" in parts:
            with self.progress("Abandoned uploads", sweeps.abandoned_uploads().count()):
                result["abandoned"] = sweeps.remove_abandoned_uploads(self.runner)
        if "orphaned" in parts:
            result["orphaned"] = self._through_storage(inventory.remove_orphaned_objects)
        if "pending" in parts:
            sweeps.retry_refused(self.runner)
            with self.progress("Pending deletions", sweeps.deletable_now().count()):
                result["deleted"] = sweeps.delete_pending_objects(self.runner)
            result["pending"] = PendingDeletion.objects.count()
        return result

    def _through_storage(self, look: Callable[[str], int]) -> int:
        return sum(look(shard) for shard in self.part_by_part("Parts of storage", inventory.SHARDS))

    def format_result(self, result: Result) -> Iterable[str]:
        words = {
            "abandoned": "abandoned uploads",
            "orphaned": "orphaned objects",
            "deleted": "objects deleted",
            "pending": "objects left: storage refused to delete them, or their upload URL is still valid",
        }
        for name, word in words.items():
            if name in result:
                yield f"{result[name]:>6} {word}"
