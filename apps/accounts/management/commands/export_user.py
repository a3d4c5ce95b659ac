"""`manage.py export_user`: writes the archive of a user's data to a local file."""

import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from apps.accounts import archive
from apps.accounts.models import User
from apps.core import privacy
from apps.core.management.base import OperatorCommand, Result
from apps.core.management.people import held_in_words, person
from apps.media.storage import StorageError


class Command(OperatorCommand):
    help = (
        "Write the archive that users can request (data as JSON, a page for people, original photos) to a file "
        "that only you can read. It contains personal data: delete it when it is no longer needed."
    )
    examples = """
  manage.py export_user @alice --dry-run           count the data of alice
  manage.py export_user @alice                     photogram-alice-<date>.zip in this folder
  manage.py export_user @alice --output alice.zip  in that file, which must not exist yet
"""
    in_batches = False

    def add_options(self, parser: CommandParser) -> None:
        parser.add_argument("who", help="@handle, e-mail address or id")
        parser.add_argument("--output", default="", metavar="FILE", help="where to write it")

    def work(self, *, who: str, output: str, dry_run: bool, **options: Any) -> Result:
        user: User = person(who)
        file = Path(output or archive.name_for(user)).absolute()
        if file.exists():
            raise CommandError(f"{file} exists already.")
        result = {"handle": user.handle, "held": privacy.tally(user.pk), "file": str(file), "bytes": None}
        if dry_run:
            return result
        with self.progress("Archive"):
            _write(user, file)
        return result | {"bytes": file.stat().st_size}

    def format_result(self, result: Result) -> Iterable[str]:
        yield from held_in_words(result["handle"], result["held"])
        if result["bytes"] is not None:
            yield f"{result['file']}: {result['bytes']} bytes"


def _write(user: User, file: Path) -> None:
    """Write the complete archive or nothing. Raises CommandError."""
    try:
        with tempfile.TemporaryDirectory(prefix=".photogram-", dir=file.parent) as folder:
            draft = Path(folder) / "archive.zip"
            archive.write(draft, user=user, folder=Path(folder))
            draft.chmod(0o600)
            draft.rename(file)
    except (StorageError, OSError) as error:
        raise CommandError(f"The archive could not be written: {error}") from error
