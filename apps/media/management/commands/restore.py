"""`manage.py restore DIR`: a backup, put back into empty servers."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from django.core.management import call_command
from django.core.management.base import CommandError, CommandParser

from apps.core.management.base import OperatorCommand, Result
from apps.media import backup


class Command(OperatorCommand):
    help = (
        "Put what `manage.py backup` has written into an empty database and empty buckets. Every byte is checked "
        "before anything is written, and nothing is ever overwritten. Stop every process of Photogram before; run "
        "`migrate` and `ensure_schedule` afterwards, and start them again. Interrupted, it is begun again on empty "
        "servers."
    )
    examples = """
  manage.py restore /backups/monday --dry-run        is every byte still there?
  manage.py restore /backups/monday
"""
    in_batches = False

    def add_options(self, parser: CommandParser) -> None:
        parser.add_argument("folder", type=Path, metavar="DIR", help="what `backup --output` was given")

    def work(self, *, folder: Path, dry_run: bool, **options: Any) -> Result:
        try:
            manifest = backup.verify(folder)
            if not dry_run:
                self._restore(folder, manifest)
        except backup.FAILURES as failure:
            raise CommandError(str(failure)) from failure
        return {"made_at": manifest.made_at, "objects": len(manifest.objects)}

    def _restore(self, folder: Path, manifest: backup.Manifest) -> None:
        # Before the rest, so that a bucket that is missing is found empty.
        call_command("ensure_buckets", verbosity=0, stdout=self.stderr)
        backup.refuse_to_overwrite()
        backup.restore_database(folder)
        with self.progress("Objects", total=len(manifest.objects)):
            backup.restore_objects(folder, manifest, told=self.pace.step)

    def format_result(self, result: Result) -> Iterable[str]:
        done = "is whole" if result["dry_run"] else "is restored; now: manage.py migrate"
        yield f"The backup of {result['made_at']} with {result['objects']:,} objects {done}."
