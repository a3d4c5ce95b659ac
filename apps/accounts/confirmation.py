"""Confirming the identity before an action that takes over an account: a password or second factor, given recently.

A session counts as confirmed for CONFIRMATION_LIFETIME after its sign-in and after each confirmation in it.
"""

from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from apps.accounts import passkeys, session_cache
from apps.accounts.models import Session, User
from apps.accounts.services import require_password
from apps.core.errors import Forbidden


class ConfirmationRequired(Forbidden):
    code, title = "confirmation_required", _("Confirm first that it is you: with your password, a code or a passkey.")


def is_confirmed(session: Session) -> bool:
    since = timezone.now() - settings.CONFIRMATION_LIFETIME
    return session.created_at > since or (session.confirmed_at is not None and session.confirmed_at > since)


def require(user_id: UUID, session_id: UUID) -> None:
    """Raises ConfirmationRequired."""
    if not is_confirmed(Session.objects.owned_by(user_id).get(pk=session_id)):
        raise ConfirmationRequired


@transaction.atomic
def by_password(user: User, session_id: UUID, *, password: str) -> None:
    """Raises WrongPassword."""
    require_password(user, password)
    _confirm(user, session_id)


@transaction.atomic
def by_passkey(user: User, session_id: UUID, *, challenge: str, credential: dict[str, Any]) -> None:
    """With the answer to `passkeys.begin`. Raises InvalidPasskey, also for a passkey of another user."""
    if passkeys.verify(challenge, credential).user_id != user.pk:
        raise passkeys.InvalidPasskey
    prove_second_factor(user, session_id)


@transaction.atomic
def prove_second_factor(user: User, session_id: UUID) -> None:
    """Confirm a session in which a second factor was used or set up, and let it use the rank of its user."""
    Session.objects.owned_by(user.pk).filter(pk=session_id).update(two_factor=True)
    session_cache.mark_session(user.pk, session_id)
    _confirm(user, session_id)


def _confirm(user: User, session_id: UUID) -> None:
    Session.objects.owned_by(user.pk).filter(pk=session_id).update(confirmed_at=timezone.now())
