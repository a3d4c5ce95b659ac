"""`manage.py restore DIR`: a backup, put back into empty servers."""

import json
from pathlib import Path
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from apps.media import backup
from apps.media.storage import StorageError


class Command(BaseCommand):
    help = (
        "Put what `manage.py backup` has written into an empty database and empty buckets. Every byte is checked "
        "before anything is written, and nothing is ever overwritten. Stop every process of Photogram before; run "
        "`migrate` and `ensure_schedule` afterwards, and start them again. Interrupted, it is begun again on empty "
        "servers."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("folder", type=Path, metavar="DIR", help="what `backup --output` was given")
        parser.add_argument("--dry-run", action="store_true", help="check the backup, byte by byte, and write nothing")
        parser.add_argument("--json", action="store_true", help="say what was done as one JSON object")

    def handle(self, *args: Any, folder: Path, dry_run: bool, **options: Any) -> None:
        try:
            manifest = backup.verify(folder)
            if not dry_run:
                self._restore(folder, manifest)
        except (backup.BackupFailed, StorageError) as failure:
            raise CommandError(str(failure)) from failure
        told = {"made_at": manifest.made_at, "objects": len(manifest.objects), "restored": not dry_run}
        if options["json"]:
            self.stdout.write(json.dumps(told))
        else:
            done = "is whole; nothing was written" if dry_run else "is restored; now: manage.py migrate"
            self.stdout.write(f"The backup of {manifest.made_at} with {len(manifest.objects):,} objects {done}.")

    def _restore(self, folder: Path, manifest: backup.Manifest) -> None:
        # Before the rest, so that a bucket that is missing is found empty.
        call_command("ensure_buckets", verbosity=0, stdout=self.stderr)
        backup.refuse_to_overwrite()
        backup.restore_database(folder)
        columns = (TextColumn("Restoring"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
            task = progress.add_task("", total=len(manifest.objects))
            backup.restore_objects(folder, manifest, told=lambda more: progress.advance(task, more))
