"""Take the role of a moderator from an account."""

from collections.abc import Iterable
from typing import Any

from django.core.management.base import CommandParser
from django.db import transaction

from apps.core.management.base import OperatorCommand, Result
from apps.core.management.people import person
from apps.moderation import permissions


class Command(OperatorCommand):
    help = (
        "Take all roles from a moderator, a senior moderator or an administrator, and end their console sessions. The "
        "account remains, without rights of staff. The dismissal is recorded with the reason."
    )
    examples = """
  manage.py dismiss_moderator alice --reason "Has left the team."
"""
    in_batches = False

    def add_options(self, parser: CommandParser) -> None:
        parser.add_argument("user", help="handle, e-mail address or id")
        parser.add_argument("--reason", required=True, help="why the account loses its role")

    @transaction.atomic
    def work(self, *, user: str, reason: str, dry_run: bool, **options: Any) -> Result:
        target = person(user)
        permissions.dismiss_by_operator(target, reason=reason)
        if dry_run:
            transaction.set_rollback(True)
        return {"handle": target.handle, "dismissed": True}

    def format_result(self, result: Result) -> Iterable[str]:
        yield f"@{result['handle']} has no role any more."
