"""`manage.py restore DIR`: restore a backup into an empty database and empty buckets."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from django.core.management import call_command
from django.core.management.base import CommandError, CommandParser

from apps.core.management.base import OperatorCommand, Result
from apps.media import backup


class Command(OperatorCommand):
    help = (
        "Restore a backup of `manage.py backup` into an empty database and empty buckets. All files are checked before "
        "anything is written, and nothing is overwritten. Stop every process of Photogram first. Afterwards run "
        "`migrate` and `ensure_schedule`, and start the processes. After an interruption, start again with an empty "
        "database and empty buckets."
    )
    examples = """
  manage.py restore /backups/monday --dry-run        only check the files
  manage.py restore /backups/monday
"""
    in_batches = False

    def add_options(self, parser: CommandParser) -> None:
        parser.add_argument("folder", type=Path, metavar="DIR", help="the folder that `backup --output` has written")

    def work(self, *, folder: Path, dry_run: bool, **options: Any) -> Result:
        try:
            manifest = backup.verify(folder)
            if not dry_run:
                self._restore(folder, manifest)
        except backup.FAILURES as failure:
            raise CommandError(str(failure)) from failure
        return {"made_at": manifest.made_at, "objects": len(manifest.objects)}

    def _restore(self, folder: Path, manifest: backup.Manifest) -> None:
        # First, so that a missing bucket counts as an empty one.
        call_command("ensure_buckets", verbosity=0, stdout=self.stderr)
        backup.refuse_to_overwrite()
        backup.restore_database(folder)
        with self.progress("Objects", total=len(manifest.objects)):
            backup.restore_objects(folder, manifest, on_progress=self.runner.advance)

    def format_result(self, result: Result) -> Iterable[str]:
        done = "is complete" if result["dry_run"] else "was restored. Now run manage.py migrate"
        yield f"The backup of {result['made_at']} with {result['objects']:,} objects {done}."
