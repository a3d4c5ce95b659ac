"""Make an account a moderator, in the API and the console."""

import secrets
from collections.abc import Iterable
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.db import transaction

from apps.accounts import services as accounts
from apps.accounts.models import User
from apps.core.management.base import OperatorCommand, Result
from apps.moderation import roles


class Command(OperatorCommand):
    help = (
        "Make an account a moderator, a senior moderator or an administrator. The account is found by its handle or "
        "e-mail address. If there is none, it is created, with a password that is printed once and that its owner "
        "should change. Only an active account can be given a role."
    )
    examples = """
  manage.py create_moderator --handle alice                              alice has an account
  manage.py create_moderator --handle maria --email maria@example.org    a new account
  manage.py create_moderator --handle alice --senior                     a senior moderator, who may also change rules
  manage.py create_moderator --handle alice --admin                      an administrator, who may also end sessions
                                                                         and change the schedule
"""
    in_batches = False

    def add_options(self, parser: CommandParser) -> None:
        parser.add_argument("--handle", default="", help="of the account, with or without @")
        parser.add_argument("--email", default="", help="of the account; a new account needs it and the handle")
        rank = parser.add_mutually_exclusive_group()
        rank.add_argument("--senior", action="store_true", help="a senior moderator instead of a moderator")
        rank.add_argument("--admin", action="store_true", help="an administrator instead of a moderator")

    @transaction.atomic
    def work(self, *, handle: str, email: str, senior: bool, admin: bool, dry_run: bool, **options: Any) -> Result:
        role, password = "admin" if admin else "senior_moderator" if senior else "moderator", ""
        handle, email = handle.lower().removeprefix("@"), email.lower()
        user = _existing(handle, email)
        known = user is not None
        if user is None:
            password = secrets.token_urlsafe(15)
            user = accounts.sign_up(handle=handle, email=email, password=password)
        changed = roles.appoint(user, role)
        if dry_run:
            transaction.set_rollback(True)
        result = {"handle": user.handle, "role": role, "new_account": not known, "changed": changed}
        return result | ({"password": password} if password and not dry_run else {})

    def format_result(self, result: Result) -> Iterable[str]:
        if result["new_account"]:
            yield f"Created the account @{result['handle']}. A confirmation mail was sent."
        yield f"@{result['handle']} {'is now' if result['changed'] else 'was already'} {result['role']}."
        if "password" in result:
            yield f"Password (shown only once): {result['password']}"


def _existing(handle: str, email: str) -> User | None:
    """The account, or None if it has to be created. Raises CommandError."""
    if not handle and not email:
        raise CommandError("Give --handle or --email, or both for a new account.")
    user: User | None = User.objects.by_login(handle or email).first()
    if user is None and not (handle and email):
        raise CommandError("There is no such account; a new one needs --handle and --email.")
    if user and email and user.email != email:
        raise CommandError(f"@{user.handle} has another e-mail address.")
    return user
