"""Reset the second factors of a user who has lost them."""

from collections.abc import Iterable
from typing import Any

from django.core.management.base import CommandParser
from django.db import transaction

from apps.core.management.base import OperatorCommand, Result
from apps.core.management.people import person
from apps.moderation import permissions


class Command(OperatorCommand):
    help = (
        "Remove the authenticator app, the passkeys and the recovery codes of an account. If STAFF_TWO_FACTOR is "
        '"required", staff have to set up two-factor authentication again at the next visit to the console. Admins can '
        "do this in the console; use this command for an admin. The reset is recorded with the reason, and the user "
        "gets a mail."
    )
    examples = """
  manage.py reset_two_factor alice --reason "Lost her phone; called back on the known number."
"""
    in_batches = False

    def add_options(self, parser: CommandParser) -> None:
        parser.add_argument("user", help="handle, e-mail address or id")
        parser.add_argument("--reason", required=True, help="why, and how you verified the identity of the user")

    @transaction.atomic
    def work(self, *, user: str, reason: str, dry_run: bool, **options: Any) -> Result:
        target = person(user)
        permissions.reset_by_operator(target, reason=reason)
        if dry_run:
            transaction.set_rollback(True)
        return {"handle": target.handle, "reset": True}

    def format_result(self, result: Result) -> Iterable[str]:
        yield f"Two-factor of @{result['handle']} was reset."
