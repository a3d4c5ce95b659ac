"""Let somebody of staff set up their two-factor anew, when no admin can."""

from collections.abc import Iterable
from typing import Any

from django.core.management.base import CommandParser
from django.db import transaction

from apps.core.management.base import OperatorCommand, Result
from apps.core.management.people import person
from apps.moderation import permissions as staff


class Command(OperatorCommand):
    help = (
        "Remove the authenticator app and the recovery codes of an account. At its next visit to the console it is led "
        'to set up two-factor anew, where STAFF_TWO_FACTOR is "required". Admins do the same in the console for one '
        "another; this is for when there is none left. It is written down with the reason."
    )
    examples = """
  manage.py reset_two_factor alice --reason "Lost her telephone; called back on the known number."
"""
    in_batches = False

    def add_options(self, parser: CommandParser) -> None:
        parser.add_argument("user", help="handle, e-mail address or id")
        parser.add_argument("--reason", required=True, help="why, and how you know that it is them")

    @transaction.atomic
    def work(self, *, user: str, reason: str, dry_run: bool, **options: Any) -> Result:
        whom = person(user)
        staff.reset_by_operator(whom, reason=reason)
        if dry_run:
            transaction.set_rollback(True)
        return {"handle": whom.handle, "reset": True}

    def format_result(self, result: Result) -> Iterable[str]:
        yield f"Two-factor of @{result['handle']} is reset."
