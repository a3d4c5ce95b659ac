"""`manage.py backup --output DIR`: the database and both buckets, in one folder."""

import json
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from apps.media import backup
from apps.media.storage import StorageError


class Command(BaseCommand):
    help = (
        "Write everything that Photogram holds into a new folder: the database first (pg_dump), then every object of "
        "the two buckets, with a manifest of hashes. It may run while Photogram does. Ctrl-C leaves a folder that "
        "`restore` refuses; remove it. To check a backup, run `manage.py restore DIR --dry-run`."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--output", type=Path, required=True, metavar="DIR", help="a folder that is new or empty")
        parser.add_argument(
            "--previous",
            type=Path,
            metavar="DIR",
            help="an earlier backup on the same disk: what has not changed is shared with it and takes no space",
        )
        parser.add_argument("--json", action="store_true", help="say what was done as one JSON object")

    def handle(self, *args: Any, output: Path, previous: Path | None, **options: Any) -> None:
        columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed} objects"))
        try:
            with Progress(*columns, TimeElapsedColumn(), console=Console(stderr=True), transient=True) as progress:
                task = progress.add_task("Backing up", total=None)
                manifest = backup.make(output, previous=previous, told=lambda more: progress.advance(task, more))
        except (backup.BackupFailed, StorageError) as failure:
            raise CommandError(str(failure)) from failure
        told = {"folder": str(output), "made_at": manifest.made_at, "objects": len(manifest.objects)}
        if options["json"]:
            self.stdout.write(json.dumps(told | {"bytes": manifest.bytes}))
        else:
            size = f"{manifest.bytes / 1e6:,.1f} MB"
            self.stdout.write(f"{output}: the database, and {len(manifest.objects):,} objects of {size}.")
