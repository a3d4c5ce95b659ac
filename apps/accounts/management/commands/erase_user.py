"""`manage.py erase_user`: an account, and everything that is held on its owner, goes for good."""

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
        "Erase a person, without the grace that people have who leave by themselves. The account is hidden and signed "
        "out at once and cannot come back; a worker then deletes all that is held on the person, photographs in "
        "storage included. Use --dry-run to see how much that is, and export_user first if it may be needed."
    )
    examples = """
  manage.py erase_user @alice --dry-run         how much is held on alice?
  manage.py erase_user @alice                   erase her, after a question
  manage.py erase_user alice@example.org --yes  without a question
"""
    in_batches = False

    def add_options(self, parser: CommandParser) -> None:
        parser.add_argument("who", help="@handle, e-mail address or id")
        parser.add_argument("--yes", action="store_true", help="do not ask")

    def work(self, *, who: str, yes: bool, dry_run: bool, **options: Any) -> Result:
        user: User = person(who)
        held = privacy.tally(user.pk)
        if not dry_run:
            if not yes:
                self._ask(user)
            services.erase_at_once(user)
        return {"id": str(user.pk), "handle": user.handle, "held": held}

    def _ask(self, user: User) -> None:
        """On stderr, since stdout is for the result. Raises CommandError unless the handle is typed."""
        question = f"This cannot be undone. To erase {user} ({user.display_name}), type the handle: "
        self.stderr.write(question, style_func=str, ending="")
        self.stderr.flush()
        try:
            typed = input()
        except EOFError as error:
            raise CommandError("Nobody is there to answer; --yes erases without a question.") from error
        if typed.strip().removeprefix("@") != user.handle:
            raise CommandError("That is another handle. Nothing was done.")

    def told(self, result: Result) -> Iterable[str]:
        yield from held_in_words(result["handle"], result["held"])
        if not result["dry_run"]:
            yield f"@{result['handle']} is hidden, and a worker erases it all; the console lists it until then."
