"""`manage.py backup --output DIR`: back up the database and both buckets into a folder."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from apps.core.management.base import OperatorCommand, Result
from apps.media import backup


class Command(OperatorCommand):
    help = (
        "Write all data of Photogram into a new folder: first the database (pg_dump), then every object of both "
        "buckets, with a manifest of hashes. Photogram may keep running. Ctrl-C leaves an incomplete folder, which "
        "`restore` refuses; remove it."
    )
    examples = """
  manage.py backup --output /backups/monday
  manage.py backup --output /backups/tuesday --previous /backups/monday
"""
    changes = False
    in_batches = False

    def add_options(self, parser: CommandParser) -> None:
        parser.add_argument("--output", type=Path, required=True, metavar="DIR", help="a folder that is new or empty")
        parser.add_argument(
            "--previous",
            type=Path,
            metavar="DIR",
            help="an earlier backup on the same disk: unchanged files are hard-linked and take no space",
        )

    def work(self, *, output: Path, previous: Path | None, **options: Any) -> Result:
        try:
            with self.progress("Objects"):
                manifest = backup.make(output, previous=previous, on_progress=self.runner.advance)
        except backup.FAILURES as failure:
            raise CommandError(str(failure)) from failure
        return {
            "folder": str(output),
            "made_at": manifest.made_at,
            "objects": len(manifest.objects),
            "bytes": manifest.bytes,
        }

    def format_result(self, result: Result) -> Iterable[str]:
        size = f"{result['bytes'] / 1e6:,.1f} MB"
        yield f"{result['folder']}: the database and {result['objects']:,} objects ({size})."
