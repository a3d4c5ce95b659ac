"""`manage.py backup --output DIR`: the database and both buckets, in one folder."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from apps.core.management.base import OperatorCommand, Result
from apps.media import backup


class Command(OperatorCommand):
    help = (
        "Write everything that Photogram holds into a new folder: the database first (pg_dump), then every object of "
        "the two buckets, with a manifest of hashes. It may run while Photogram does. Ctrl-C leaves a folder that "
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
            help="an earlier backup on the same disk: what has not changed is shared with it and takes no space",
        )

    def work(self, *, output: Path, previous: Path | None, **options: Any) -> Result:
        try:
            with self.progress("Objects"):
                manifest = backup.make(output, previous=previous, told=self.pace.step)
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
        yield f"{result['folder']}: the database, and {result['objects']:,} objects of {size}."
