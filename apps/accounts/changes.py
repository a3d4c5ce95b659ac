"""Changes of the handle and of the e-mail address.

A new address counts only when the link that was sent to it is used. For EMAIL_REVERT_LIFETIME after that, a link that
was sent to the old address takes the account back: with the former address, a new password and no sessions. Meanwhile
no other account can take the old address. If an address was changed several times, the earliest one wins.

An address that was never confirmed is replaced at once: its owner may be a stranger, who must not get the account.
"""

import math
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from apps.accounts import handles, passwords, security, session_cache, tasks, two_factor
from apps.accounts.email_domains import check_email_domain
from apps.accounts.mails import digest
from apps.accounts.models import EmailChange, EmailedToken, SecurityEvent, Session, User, WithheldHandle
from apps.accounts.services import (
    EmailTaken,
    HandleTaken,
    InvalidLink,
    cancel_pending_email,
    end_all_sessions,
    is_withheld,
    report_blocked_terms,
    require_password,
)
from apps.core.errors import Conflict, Invalid
from apps.safety import terms

Kind = SecurityEvent.Kind
# Somebody who changes the address of an account that they have taken over may have added a second factor before.
TAKEOVER = timedelta(days=1)


class HandleChangeTooSoon(Conflict):
    code, title = "handle_change_too_soon", _("You changed your handle recently.")


# ── Handle ───────────────────────────────────────────────────────────────────────────────────────────────
def next_handle_change(user: User) -> datetime | None:
    """When the handle can be changed again; None for now."""
    if user.handle_changed_at is None:
        return None
    at = user.handle_changed_at + settings.HANDLE_CHANGE_INTERVAL
    return at if at > timezone.now() else None


@transaction.atomic
def change_handle(user: User, *, handle: str, session_id: UUID | None = None) -> User:
    """Give the account another handle. For HANDLE_QUARANTINE only this account can take the former one.

    Raises Invalid, BlockedText, HandleChangeTooSoon within HANDLE_CHANGE_INTERVAL of the last change, and HandleTaken.
    """
    new = handles.normalise(handle)
    user = User.objects.select_for_update(no_key=True).get(pk=user.pk)
    old = user.handle
    if new == old:
        return user
    if possible_at := next_handle_change(user):
        wait = (possible_at - timezone.now()).total_seconds()
        raise HandleChangeTooSoon(headers={"Retry-After": str(math.ceil(wait))})
    suspicious = terms.screen(handle=handles.words(new))
    _set_handle(user, new)
    session_cache.mark_user(user.pk)
    security.record(user, Kind.HANDLE_CHANGED, detail=f"@{old} → @{new}", session_id=session_id)
    report_blocked_terms(user, suspicious)
    return user


def _set_handle(user: User, handle: str) -> None:
    """Replace the handle, and withhold the former one for the user. Raises HandleTaken."""
    former, now = user.handle, timezone.now()
    user.handle, user.handle_changed_at = handle, now
    try:
        with transaction.atomic():
            user.save(update_fields=["handle", "handle_changed_at"])
    except IntegrityError as error:
        raise HandleTaken from error
    # After the update: an account that releases the handle withholds it in the same transaction.
    if is_withheld(handle, user):
        raise HandleTaken
    WithheldHandle.objects.filter(handle=handle).delete()
    until = now + settings.HANDLE_QUARANTINE
    WithheldHandle.objects.update_or_create(handle=former, defaults={"until": until, "user": user})


# ── Asking for another address ───────────────────────────────────────────────────────────────────────────
def pending_change(user_id: UUID) -> EmailChange | None:
    return EmailChange.objects.owned_by(user_id).pending().first()


@transaction.atomic
def change_email(user: User, *, email: str, password: str, session_id: UUID | None = None) -> None:
    """Send a link to the new address, which replaces the present one when the link is used. A pending change ends.

    The worker that sends the mail looks whether the address is taken. So the caller cannot tell. An address that was
    never confirmed is replaced at once, like at sign-up.

    Raises WrongPassword, Invalid, and EmailTaken for an account whose address is not confirmed.
    """
    user = require_password(user, password)
    if email == user.email:
        raise Invalid(email=("unchanged", _("That is your address already.")))
    check_email_domain(email)
    cancel_pending_email(user)
    if user.email_verified_at is None:
        _set_address(user, email, is_confirmed=False)
        tasks.send_confirmation.delay(user_id=str(user.pk))
        security.record(user, Kind.EMAIL_CORRECTED, session_id=session_id)
        return
    change = EmailChange.objects.create(
        user=user,
        old_email=user.email,
        new_email=email,
        expires_at=timezone.now() + settings.EMAIL_CONFIRM_LIFETIME,
    )
    tasks.send_email_change.delay(change_id=str(change.pk))
    security.record(user, Kind.EMAIL_CHANGE_REQUESTED, session_id=session_id)


@transaction.atomic
def cancel_email_change(user: User, *, session_id: UUID | None = None) -> None:
    """End the pending change, if there is one. Its link no longer works."""
    user = User.objects.select_for_update(no_key=True).get(pk=user.pk)
    if cancel_pending_email(user):
        security.record(user, Kind.EMAIL_CHANGE_CANCELLED, session_id=session_id)


# ── The links of mails ───────────────────────────────────────────────────────────────────────────────────
@transaction.atomic
def confirm_email_change(token: str, *, address: str | None = None, user_agent: str = "") -> None:
    """Replace the address of the account by the one to which the token was sent. Mails the old address.

    A used link succeeds again while the account has the address. Raises InvalidLink, and EmailTaken for an address that
    another account has taken meanwhile.
    """
    sent, user = _lock_token(token, EmailedToken.Purpose.CHANGE_EMAIL)
    if sent.used_at and user.email == sent.email:
        return
    change = EmailChange.objects.owned_by(user.pk).pending().filter(new_email=sent.email).first()
    _use(sent)
    if change is None:
        raise InvalidLink
    _set_address(user, change.new_email, is_confirmed=True)
    change.state = EmailChange.State.CONFIRMED
    change.revert_until = timezone.now() + settings.EMAIL_REVERT_LIFETIME
    change.save(update_fields=["state", "revert_until"])
    security.record(user, Kind.EMAIL_CHANGED, email=change.old_email, address=address, user_agent=user_agent)


@transaction.atomic
def revert_email_change(token: str, *, new_password: str, address: str | None = None, user_agent: str = "") -> None:
    """Give the account back to the owner of the address to which the token was sent.

    The account has that address again and a new password. All sessions, a pending change, later changes and second
    factors that were set up since TAKEOVER before the change end. Raises InvalidLink, Invalid.
    """
    sent, user = _lock_token(token, EmailedToken.Purpose.REVERT_EMAIL)
    change = _revertible(user, sent.email)
    _use(sent)
    if change is None:
        raise InvalidLink
    passwords.validate(new_password, user=user, field="new_password")
    user.set_password(new_password)
    user.save(update_fields=["password"])
    _set_address(user, change.old_email, is_confirmed=True)
    cancel_pending_email(user)
    later = EmailChange.objects.owned_by(user.pk).revertible().filter(id__gte=change.pk)
    later.update(state=EmailChange.State.REVERTED)
    two_factor.remove_added_since(user, change.created_at - TAKEOVER)
    end_all_sessions(user.pk, reason=Session.EndReason.EMAIL_REVERTED)
    security.record(user, Kind.EMAIL_REVERTED, address=address, user_agent=user_agent)


def is_revert_link_valid(token: str) -> bool:
    """Whether `revert_email_change` would accept the token now."""
    try:
        sent = _find_token(token, EmailedToken.Purpose.REVERT_EMAIL)
    except InvalidLink:
        return False
    return sent.used_at is None and _revertible(sent.user, sent.email) is not None


def _revertible(user: User, old_email: str) -> EmailChange | None:
    return EmailChange.objects.owned_by(user.pk).revertible().filter(old_email=old_email).order_by("id").first()


def _find_token(token: str, purpose: EmailedToken.Purpose) -> EmailedToken:
    """A token that has not expired, used or not. Raises InvalidLink."""
    valid = EmailedToken.objects.filter(digest=digest(token), purpose=purpose, expires_at__gt=timezone.now())
    sent = valid.select_related("user").first()
    if sent is None:
        raise InvalidLink
    return sent


def _lock_token(token: str, purpose: EmailedToken.Purpose) -> tuple[EmailedToken, User]:
    """A token that has not expired, used or not, and its account, locked. Raises InvalidLink, also for an account that
    is being erased."""
    sent = _find_token(token, purpose)
    user: User | None = User.objects.not_erased().select_for_update(no_key=True).filter(pk=sent.user_id).first()
    if user is None:
        raise InvalidLink
    # Another request may have used the token while this one waited for the lock.
    sent.refresh_from_db(fields=["used_at"])
    return sent, user


def _use(sent: EmailedToken) -> None:
    """Mark a token as used. Raises InvalidLink for a used one."""
    if sent.used_at:
        raise InvalidLink
    sent.used_at = timezone.now()
    sent.save(update_fields=["used_at"])


def _set_address(user: User, email: str, *, is_confirmed: bool) -> None:
    """Links that were sent to the former address, to confirm it or to set a password, no longer work.

    Raises EmailTaken for the address of another account, and for one that another account can still take back.
    """
    user.email, user.email_verified_at = email, timezone.now() if is_confirmed else None
    try:
        with transaction.atomic():
            user.save(update_fields=["email", "email_verified_at"])
    except IntegrityError as error:
        raise EmailTaken from error
    if EmailChange.objects.reserving(email).exclude(user=user).exists():
        raise EmailTaken
    purposes = [EmailedToken.Purpose.CONFIRM_EMAIL, EmailedToken.Purpose.RESET_PASSWORD]
    EmailedToken.objects.filter(user=user, purpose__in=purposes, used_at=None).delete()
