"""Second factors in requests: the second step of signing in through the API, on the pages and in the console; signing
in with a passkey alone; and confirming the identity of a session.

After the first step the client sends back a signed proof that the first step has checked the password. It is also the
challenge that a passkey answers.
"""

import secrets
from typing import Any, TypedDict
from uuid import UUID

from django.core import signing
from django.db import transaction
from django.http import HttpRequest
from django.utils.crypto import constant_time_compare
from django.utils.translation import gettext_lazy as _
from rest_framework.request import Request

from apps.accounts import confirmation, passkeys, services, two_factor
from apps.accounts.api import attempts
from apps.accounts.api.clients import describe_client
from apps.accounts.models import User
from apps.accounts.two_factor import SecondFactorRequired
from apps.core import limits
from apps.core.errors import Unauthorized
from apps.moderation import permissions

_SALT = "photogram.console.sign-in"
# How long the second step may take.
SECONDS = 600


class InvalidChallenge(Unauthorized):
    code, title = "invalid_challenge", _("That took too long. Sign in again.")


def make_proof(user: User) -> str:
    """A proof that the password of the user was checked. It is worthless after the password has changed."""
    return signing.dumps([str(user.pk), user.get_session_auth_hash(), secrets.token_urlsafe(24)], salt=_SALT)


def find_user(proof: str) -> User | None:
    """The user of whom this is a proof, of whatever state. None if the proof is forged or older than SECONDS."""
    try:
        pk, state, _nonce = signing.loads(proof, salt=_SALT, max_age=SECONDS)
    except (signing.BadSignature, ValueError):
        return None
    user: User | None = User.objects.not_erased().filter(pk=pk).first()
    is_current = user is not None and constant_time_compare(user.get_session_auth_hash(), state)
    return user if is_current else None


def describe(user: User, challenge: str) -> dict[str, Any]:
    """What a client needs for the second step: the `challenge` to send back, a proof of this user; the `methods` that
    the user has; and the options of the browser's WebAuthn API for `passkey` (None without one)."""
    methods = two_factor.methods_of(user)
    has_passkey = two_factor.PASSKEY in methods
    return {
        "challenge": challenge,
        "expires_in": SECONDS,
        "methods": methods,
        "passkey_options": passkeys.request_options(challenge, user) if has_passkey else None,
    }


def required(user: User) -> SecondFactorRequired:
    """The error that starts the second step."""
    return SecondFactorRequired(**describe(user, make_proof(user)))


class Answers(TypedDict):
    """What a user has answered who was refused before: arguments of `services.complete_sign_in`."""

    restricted: bool
    reactivate: bool


def complete(request: HttpRequest | Request, body: dict[str, Any], answers: Answers | None = None) -> UUID:
    """The id of the user who has answered `describe`: `challenge`, and `code` or `passkey`.

    Neither is used up if the account needs another of the `answers`; None if the caller asks for them later. Raises
    InvalidChallenge, TooManyRequests, WrongCode, InvalidPasskey, AccountSuspended, AccountDeactivated.
    """
    user = find_user(body["challenge"])
    if user is None:
        raise InvalidChallenge
    if "passkey" not in body:
        check_code(request, user, body["code"], answers)
        return user.pk
    attempts.count_second_factor(request, user.pk)
    with transaction.atomic():
        passkeys.verify_answer(body["challenge"], body["passkey"], user_id=user.pk)
        _require_answers(user, answers)
    return user.pk


def check_code(request: HttpRequest | Request, user: User, code: str, answers: Answers | None = None) -> None:
    """Check a code of the app or a recovery code, as `complete` does.

    Attempts are counted outside of a transaction, so that a refused one stays counted. Raises TooManyRequests,
    WrongCode, AccountSuspended, AccountDeactivated.
    """
    attempts.count_second_factor(request, user.pk)
    with transaction.atomic():
        if permissions.accept(user, code, **describe_client(request)) is None:
            raise two_factor.WrongCode
        _require_answers(user, answers)


def identify(request: HttpRequest | Request, body: dict[str, Any], answers: Answers | None = None) -> UUID:
    """The id of the user whose `passkey` has answered the `challenge` of `passkeys.begin`. `answers` as in `complete`.

    Raises InvalidPasskey, TooManyRequests, AccountSuspended, AccountDeactivated.
    """
    attempts.count_passkey(request, body["passkey"])
    with transaction.atomic():
        user = passkeys.verify(body["challenge"], body["passkey"]).user
        _require_answers(user, answers)
    return user.pk


def _require_answers(user: User, answers: Answers | None) -> None:
    if answers is not None:
        services.require_answers(user, **answers)


def confirm(request: HttpRequest | Request, user: User, session_id: UUID, body: dict[str, Any]) -> None:
    """Confirm a session with a `password`, a `code`, or a `passkey` and its `challenge`. Raises WrongPassword,
    WrongCode, InvalidPasskey, TooManyRequests."""
    if "password" in body:
        limits.require("password", str(user.pk))
        confirmation.by_password(user, session_id, password=body["password"])
        return
    if "passkey" in body:
        attempts.count_second_factor(request, user.pk)
        confirmation.by_passkey(user, session_id, challenge=body["challenge"], credential=body["passkey"])
        return
    check_code(request, user, body["code"])
    confirmation.prove_second_factor(user, session_id)
