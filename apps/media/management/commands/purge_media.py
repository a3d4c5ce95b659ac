"""`manage.py purge_media`: what must go from storage goes now."""

from collections.abc import Callable, Iterable
from typing import Any

from django.core.management.base import CommandError, CommandParser

from apps.core.management.base import OperatorCommand, Result
from apps.media import inventory, storage, sweeps
from apps.media.models import DoomedObject

PARTS = ["abandoned", "orphaned", "doomed"]


class Command(OperatorCommand):
    help = (
        "Remove uploads that were begun a day ago and never completed, doom objects in storage that are older than a "
        "day and belong to nothing, and delete all objects that are doomed, those that storage refused to delete "
        "before included. Jobs do the same every hour, every day and every few seconds; if you stop this command, run "
        "it again."
    )
    examples = """
  manage.py purge_media --dry-run      how much is there?
  manage.py purge_media                all of it
  manage.py purge_media --only doomed  only delete what is already doomed
"""

    def add_options(self, parser: CommandParser) -> None:
        parser.add_argument("--only", choices=PARTS, action="append", help="only this part; may be repeated")

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
        if "doomed" in parts:
            result["deleted"] = sweeps.deletable_now().count()
            result["doomed"] = DoomedObject.objects.count() - result["deleted"]
        return result

    def _purge(self, parts: list[str]) -> Result:
        result: Result = {}
        if "abandoned" in parts:
            with self.progress("Abandoned uploads", sweeps.abandoned_uploads().count()):
                result["abandoned"] = sweeps.remove_abandoned_uploads(self.pace)
        if "orphaned" in parts:
            result["orphaned"] = self._through_storage(inventory.remove_orphaned_objects)
        if "doomed" in parts:
            sweeps.hurry(self.pace)
            with self.progress("Doomed objects", sweeps.deletable_now().count()):
                result["deleted"] = sweeps.delete_doomed_objects(self.pace)
            result["doomed"] = DoomedObject.objects.count()
        return result

    def _through_storage(self, look: Callable[[str], int]) -> int:
        return sum(look(shard) for shard in self.part_by_part("Parts of storage", inventory.SHARDS))

    def format_result(self, result: Result) -> Iterable[str]:
        words = {
            "abandoned": "abandoned uploads",
            "orphaned": "orphaned objects",
            "deleted": "doomed objects deleted",
            "doomed": "doomed objects left: storage refused, or their upload URL still works",
        }
        for name, word in words.items():
            if name in result:
                yield f"{result[name]:>6} {word}"
