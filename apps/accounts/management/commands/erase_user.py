"""`manage.py erase_user`: erases an account and all data of its user."""

from collections.abc import Iterable
from typing import Any

from django.core.management.base import CommandError, CommandParser

from apps.accounts import services
from apps.accounts.models import User
from apps.core import privacy
from apps.core.management.base import OperatorCommand, Result
from apps.core.management.people import held_in_words, person


class Command(OperatorCommand):
    help = (
        "Erase a user without the grace period of users who delete their account. The account is hidden and signed out "
        "at once and cannot be restored; a worker then deletes all data of the user, including photos in storage. Use "
        "--dry-run to see how much that is, and run export_user first if the data may be needed."
    )
    examples = """
  manage.py erase_user @alice --dry-run         count the data of alice
  manage.py erase_user @alice                   erase alice, after a confirmation
  manage.py erase_user alice@example.org --yes  without a confirmation
"""
    in_batches = False

    def add_options(self, parser: CommandParser) -> None:
        parser.add_argument("who", help="@handle, e-mail address or id")
        parser.add_argument("--yes", action="store_true", help="do not ask for confirmation")

    def work(self, *, who: str, yes: bool, dry_run: bool, **options: Any) -> Result:
        user: User = person(who)
        held = privacy.tally(user.pk)
        if not dry_run:
            if not yes:
                self._confirm(user)
            services.erase_now(user)
        return {"id": str(user.pk), "handle": user.handle, "held": held}

    def _confirm(self, user: User) -> None:
        """Ask on stderr, since stdout is for the result. Raises CommandError unless the handle is typed."""
        question = f"This cannot be undone. To erase {user} ({user.display_name}), type the handle: "
        self.stderr.write(question, style_func=str, ending="")
        self.stderr.flush()
        try:
            typed = input()
        except EOFError as error:
            raise CommandError("There is no terminal to confirm on; --yes erases without a confirmation.") from error
        if typed.strip().removeprefix("@") != user.handle:
            raise CommandError("The handle does not match. Nothing was changed.")

    def format_result(self, result: Result) -> Iterable[str]:
        yield from held_in_words(result["handle"], result["held"])
        if not result["dry_run"]:
            yield f"@{result['handle']} is hidden. A worker erases the data; the console lists the pending erasure."
