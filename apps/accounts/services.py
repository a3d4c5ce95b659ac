"""Write operations of accounts: sign up, sign in, change the profile, delete the account."""

import math
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F, QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from apps.accounts import consents, exports, handles, passwords, refresh_tokens, security, session_cache, tasks
from apps.accounts.devices import fingerprint
from apps.accounts.events import (
    account_created,
    account_hidden,
    account_made_private,
    account_made_public,
    account_shown,
    blocked_text_in_profile,
)
from apps.accounts.housekeeping import ENDED_SESSIONS_KEPT
from apps.accounts.mails import digest
from apps.accounts.models import (
    Application,
    DataExport,
    EmailChange,
    EmailedToken,
    Erasure,
    SecurityEvent,
    Session,
    User,
    WithheldHandle,
)
from apps.accounts.two_factor import require as require_second_factor
from apps.core.errors import BadRequest, Conflict, Forbidden, NotFound, Unauthorized
from apps.core.tasks.leased import first_sweep_at
from apps.core.times import timestamp
from apps.media import services as media
from apps.safety import terms
from apps.site import reads as site

# Accounts that their owners have hidden, and restore by signing in.
HIDDEN_BY_OWNER = {User.State.DEACTIVATED, User.State.LEAVING}
# The free text of a profile, which is checked for blocked terms.
SCREENED = {"display_name", "bio", "website"}
# A device is new if none of so many last sessions was opened on it.
COMPARED_SESSIONS = 200


class HandleTaken(Conflict):
    code, title = "handle_taken", _("That handle is taken.")


class EmailTaken(Conflict):
    code, title = "email_taken", _("There is an account with that e-mail address.")


class InvalidCredentials(Unauthorized):
    code, title = "invalid_credentials", _("Login or password is wrong.")


class AccountSuspended(Forbidden):
    """At sign-in, and for every request that a restricted session may not make. The problem has `reason` and `until`,
    which may be null."""

    code, title = "account_suspended", _("This account is suspended.")


class AccountDeactivated(Conflict):
    code, title = "account_deactivated", _("This account is deactivated. Confirm that you want to reactivate it.")


class EmailNotConfirmed(Forbidden):
    code, title = "email_not_confirmed", _("Confirm your e-mail address first, with the link in the mail that we sent.")


class AccountPending(Forbidden):
    code, title = "account_pending", _("A moderator has yet to decide on your application. We will write to you.")


class ApplicationRejected(Forbidden):
    code, title = "application_rejected", _("Your application was not accepted.")


class InvalidRefreshToken(Unauthorized):
    code, title = "invalid_refresh_token", _("That refresh token is not valid.")


class TokenReused(Unauthorized):
    code, title = "token_reused", _("That refresh token was used before; its session has ended.")


class InvalidLink(BadRequest):
    code, title = "invalid_link", _("That link is no longer valid.")


class WrongPassword(Forbidden):
    code, title = "wrong_password", _("The current password is wrong.")


class ExportInProgress(Conflict):
    code, title = "export_in_progress", _("Your archive is being made.")


class ExportTooSoon(Conflict):
    code, title = "export_too_soon", _("You had an archive within the last day.")


# ── Signing up ───────────────────────────────────────────────────────────────────────────────────────────
@transaction.atomic
def sign_up(
    *,
    handle: str,
    email: str,
    password: str,
    display_name: str = "",
    locale: str = "",
    time_zone: str = "",
    is_of_age: bool = False,
    is_pending: bool = False,
) -> User:
    """Create an account, record the consent to the documents in effect, and send a confirmation mail.

    Without `locale` the language of the account is that of the site.
    `registration.register` checks who may sign up.

    Raises Invalid, HandleTaken (also for a handle that was released recently), EmailTaken, BlockedText.
    """
    now = timezone.now()
    user = User(
        handle=handles.normalise(handle),
        email=email.lower(),
        display_name=display_name,
        locale=locale or settings.SITE_LANGUAGE,
        time_zone=time_zone,
        of_age_at=now if is_of_age else None,
        state=User.State.PENDING if is_pending else User.State.ACTIVE,
        erase_after=now + settings.APPLICATION_LIFETIME if is_pending else None,
    )
    passwords.validate(password, user=user)
    suspicious = terms.screen(handle=handles.words(user.handle), display_name=display_name)
    user.set_password(password)
    try:
        with transaction.atomic():
            user.save(force_insert=True)
    except IntegrityError as error:
        raise _conflict_of(error) from error
    # After the insert: an account that is being erased withholds its handle before it releases it.
    if is_withheld(user.handle, user):
        raise HandleTaken
    consents.accept_at_sign_up(user.pk)
    if EmailChange.objects.reserving(user.email).exists():
        raise EmailTaken
    account_created.publish(user_id=str(user.pk))
    report_blocked_terms(user, suspicious)
    tasks.send_confirmation.delay(user_id=str(user.pk))
    return user


def is_withheld(handle: str, user: User) -> bool:
    """Whether the handle was released recently, by another account."""
    withheld = WithheldHandle.objects.filter(handle=handle, until__gt=timezone.now())
    return withheld.exclude(user=user).exists()


def _conflict_of(error: IntegrityError) -> Conflict:
    violated = getattr(getattr(error.__cause__, "diag", None), "constraint_name", "")
    return HandleTaken() if violated == "one_account_per_handle" else EmailTaken()


# ── Signing in ───────────────────────────────────────────────────────────────────────────────────────────
def find_by_login(login: str) -> User | None:
    """The account with this handle or e-mail address, unless it is erased."""
    user: User | None = User.objects.by_login(login).exclude(state=User.State.ERASED).first()
    return user


def check_credentials(user: User | None, *, password: str) -> User:
    """Returns the user, of whatever state. `user` is None for an unknown login. Raises InvalidCredentials."""
    # An account without a password is checked as long as one with another password.
    account = user or User()
    if not account.check_password(password):
        raise InvalidCredentials
    return account


@transaction.atomic
def complete_sign_in(
    user_id: UUID,
    *,
    device_name: str = "",
    address: str | None = None,
    user_agent: str = "",
    kind: Session.Kind = Session.Kind.API,
    two_factor: bool = False,
    restricted: bool = False,
    reactivate: bool = False,
) -> Session:
    """Open a session for a user whose credentials were checked, and cancel a pending deletion of the account.

    `two_factor`: whether a second factor was checked as well, as it must be if the user has one. `restricted`: a
    suspended account gets a session that is open to little (`User.is_restricted`). `reactivate`: a deactivated account
    becomes active. Raises AccountSuspended and AccountDeactivated without these; AccountPending, ApplicationRejected;
    SecondFactorRequired, TwoFactorRequired; InvalidCredentials for an account that is erased meanwhile.
    """
    locked = User.objects.select_for_update(no_key=True).filter(pk=user_id).first()
    if locked is None or locked.state == User.State.ERASED:
        raise InvalidCredentials
    require_answers(locked, restricted=restricted, reactivate=reactivate)
    if locked.state == User.State.PENDING:
        raise _refusal_of_pending(locked)
    if not two_factor:
        require_second_factor(locked)
    event = _cancel_deletion(locked) if _is_to_return(locked, reactivate=reactivate) else None
    session = open_session(
        locked, device_name=device_name, address=address, user_agent=user_agent, kind=kind, two_factor=two_factor
    )
    if event:
        security.record(locked, event, session=session)
    _report_new_device(locked, session)
    return session


def require_answers(user: User, *, restricted: bool, reactivate: bool) -> None:
    """Raises AccountSuspended and AccountDeactivated unless the user accepts this (see `complete_sign_in`)."""
    if user.is_restricted and not restricted:
        raise suspension_of(user.pk)
    if user.state == User.State.DEACTIVATED and not reactivate:
        raise AccountDeactivated


def _is_to_return(user: User, *, reactivate: bool) -> bool:
    """Whether signing in cancels something. A deactivation below a suspension is cancelled only if asked."""
    return user.state in HIDDEN_BY_OWNER or user.erase_after is not None or (reactivate and bool(user.deactivated_at))


def _report_new_device(user: User, session: Session) -> None:
    """Record the sign-in if none of the account's last sessions, live or ended, was on such a device.

    The first sign-in after the sign-up is no news; later, an account without sessions has not been used for long.
    """
    earlier = Session.objects.owned_by(user.pk).exclude(pk=session.pk).order_by("-id")[:COMPARED_SESSIONS]
    known = {fingerprint(other) for other in earlier.only("kind", "device_name", "user_agent")}
    is_first = not known and user.created_at > timezone.now() - ENDED_SESSIONS_KEPT
    if not is_first and fingerprint(session) not in known:
        security.record(user, SecurityEvent.Kind.NEW_DEVICE, session=session)


def _refusal_of_pending(user: User) -> Forbidden:
    rejected = Application.objects.filter(user=user, status=Application.Status.REJECTED).first()
    if rejected is None:
        return AccountPending()
    text = _("Your application was not accepted. Reason: %(reason)s") % {"reason": rejected.note}
    return ApplicationRejected(str(text), reason=rejected.note)


def open_session(
    user: User,
    *,
    device_name: str = "",
    address: str | None = None,
    user_agent: str = "",
    kind: Session.Kind = Session.Kind.API,
    two_factor: bool = False,
) -> Session:
    return Session.objects.create(
        user=user,
        kind=kind,
        device_name=device_name,
        address=address or None,
        user_agent=user_agent[:300],
        two_factor=two_factor,
        expires_at=timezone.now() + settings.REFRESH_TOKEN_LIFETIME,
    )


@transaction.atomic
def open_console_session(user: User, *, address: str | None, user_agent: str, two_factor: bool) -> Session | None:
    """Open a session of the console, which ends after CONSOLE_SESSION_LIFETIME at the latest.

    Returns None for an account that is not active or not staff. The lock lets a suspension or a dismissal wait, which
    then ends the session.
    """
    staff = User.objects.active().filter(pk=user.pk, is_staff=True)
    if staff.select_for_update(no_key=True).first() is None:
        return None
    now = timezone.now()
    session = Session.objects.create(
        user=user,
        kind=Session.Kind.CONSOLE,
        last_seen_at=now,
        device_name="Console",
        address=address or None,
        user_agent=user_agent[:300],
        two_factor=two_factor,
        expires_at=now + settings.CONSOLE_SESSION_LIFETIME,
    )
    _report_new_device(user, session)
    return session


def record_use(session_id: UUID) -> None:
    """Restart the idle timeout of a console session."""
    Session.objects.filter(pk=session_id).update(last_seen_at=timezone.now())


def extend_web_session(session_id: UUID) -> None:
    """Let a session of the pages last REFRESH_TOKEN_LIFETIME from now on, if it is live."""
    live = Session.objects.live().filter(pk=session_id, kind=Session.Kind.WEB)
    live.update(expires_at=timezone.now() + settings.REFRESH_TOKEN_LIFETIME)


def refresh(token: str) -> tuple[Session, str]:
    """Returns the session, with its user and avatar, and the next refresh token. A token has exactly one successor.

    A token that is presented again within REFRESH_REUSE_GRACE (a lost response, two tabs) returns the same successor;
    after that it ends the session. Raises InvalidRefreshToken, TokenReused, and AccountSuspended for a session from
    before the suspension.
    """
    found = refresh_tokens.find_session(token)
    if found is None:
        raise InvalidRefreshToken
    session, generation = found
    if session.user.is_restricted and session.ended_at:
        raise suspension_of(session.user_id)
    now = timezone.now()
    if not (session.user.is_active or session.user.is_restricted):
        raise InvalidRefreshToken
    live = Session.objects.live().filter(pk=session.pk)
    # One conditional UPDATE decides which of two requests rotates the token. All its conditions are on the row itself:
    # PostgreSQL checks only these again after it has waited for the row's lock.
    rotated = live.filter(generation=generation).update(
        generation=F("generation") + 1,
        rotated_at=now,
        last_seen_at=now,
        expires_at=now + settings.REFRESH_TOKEN_LIFETIME,
    )
    if not rotated:
        repeated = live.filter(generation=generation + 1, rotated_at__gt=now - settings.REFRESH_REUSE_GRACE)
        if not repeated.exists():
            raise _reused(session, generation)
    return session, refresh_tokens.issue(session, generation + 1)


def _reused(session: Session, generation: int) -> Unauthorized:
    """End the session of an old refresh token, which may be stolen. Returns the error to raise.

    The caller is not in a transaction, so the end of the session is kept although the request fails.
    """
    session.refresh_from_db()
    if session.ended_at is None and generation < session.generation:
        end_session(session.user_id, session.pk, reason=Session.EndReason.TOKEN_REUSED)
        return TokenReused()
    return TokenReused() if session.end_reason == Session.EndReason.TOKEN_REUSED else InvalidRefreshToken()


# ── Ending sessions ──────────────────────────────────────────────────────────────────────────────────────
@transaction.atomic
def end_session(user_id: UUID, session_id: UUID, *, reason: str = Session.EndReason.REVOKED) -> bool:
    """End a session of this user. Returns whether it was live."""
    session_cache.mark_session(user_id, session_id)
    live = Session.objects.owned_by(user_id).filter(pk=session_id, ended_at=None)
    return bool(live.update(ended_at=timezone.now(), end_reason=reason))


def end_own_session(user_id: UUID, session_id: UUID) -> None:
    """End a session of this user, live or not. Raises NotFound for a session of another user."""
    if not Session.objects.owned_by(user_id).filter(pk=session_id).exists():
        raise NotFound
    end_session(user_id, session_id)


@transaction.atomic
def end_all_sessions(user_id: UUID, *, except_id: UUID | None = None, reason: str = Session.EndReason.REVOKED) -> None:
    """End the sessions of this user, of every kind, and the link to their data export."""
    session_cache.mark_user(user_id)
    live = Session.objects.owned_by(user_id).filter(ended_at=None)
    (live.exclude(pk=except_id) if except_id else live).update(ended_at=timezone.now(), end_reason=reason)
    exports.end_links(user_id)


@transaction.atomic
def end_console_sessions(user_id: UUID, *, reason: str) -> None:
    """End the console sessions of this user, who is no longer staff. Their API sessions lose the rank."""
    session_cache.mark_user(user_id)
    consoles = Session.objects.owned_by(user_id).filter(kind=Session.Kind.CONSOLE, ended_at=None)
    consoles.update(ended_at=timezone.now(), end_reason=reason)


# ── Passwords and e-mail ─────────────────────────────────────────────────────────────────────────────────
@transaction.atomic
def change_password(user: User, *, current: str, new: str, session_id: UUID) -> User:
    """Change the password, and end all other sessions and a pending change of the e-mail address.

    Returns the account with the new password. Raises WrongPassword, Invalid.
    """
    user = require_password(user, current)
    passwords.validate(new, user=user, field="new_password")
    user.set_password(new)
    user.save(update_fields=["password"])
    cancel_pending_email(user)
    end_all_sessions(user.pk, except_id=session_id, reason=Session.EndReason.PASSWORD_CHANGED)
    security.record(user, SecurityEvent.Kind.PASSWORD_CHANGED, session_id=session_id)
    return user


def require_password(user: User, password: str) -> User:
    """The account as it is now, locked, if this is its password. Raises WrongPassword, also for a password that is
    replaced meanwhile; NotFound if the account is being erased.

    The password is hashed before the lock, which other requests wait for.
    """
    if not user.check_password(password):
        raise WrongPassword
    locked = _lock(user)
    if locked.password != user.password:
        raise WrongPassword
    return locked


def cancel_pending_email(user: User) -> bool:
    """Cancel the pending change of the e-mail address. The caller has locked the user. Returns whether there was one.

    A new password does so, too: another person may have asked for the change.
    """
    pending = EmailChange.objects.owned_by(user.pk).filter(state=EmailChange.State.PENDING)
    return bool(pending.update(state=EmailChange.State.CANCELLED))


@transaction.atomic
def request_password_reset(email: str) -> None:
    """Enqueue the mail with a reset link.

    The worker looks the address up. So the caller cannot tell, not even by the time, whether there is such an account.
    """
    address = email.strip().lower()
    if address.isascii() and address.isprintable() and "@" in address:
        tasks.send_reset.delay(email=address)


@transaction.atomic
def reset_password(*, token: str, new: str, address: str | None = None, user_agent: str = "") -> None:
    """Set a new password, and end all sessions and a pending change of the e-mail address. The token works once.

    `address` and `user_agent` are those of the client. Raises InvalidLink, Invalid.
    """
    user = _redeem(token, EmailedToken.Purpose.RESET_PASSWORD)
    passwords.validate(new, user=user, field="new_password")
    user.set_password(new)
    # The user has received the mail, so the address is confirmed.
    user.email_verified_at = user.email_verified_at or timezone.now()
    user.save(update_fields=["password", "email_verified_at"])
    EmailedToken.objects.filter(user=user, purpose=EmailedToken.Purpose.RESET_PASSWORD, used_at=None).delete()
    cancel_pending_email(user)
    end_all_sessions(user.pk, reason=Session.EndReason.PASSWORD_RESET)
    security.record(user, SecurityEvent.Kind.PASSWORD_RESET, address=address, user_agent=user_agent)


@transaction.atomic
def confirm_email(token: str) -> None:
    """Mark the address as confirmed. A used link succeeds again while its address is confirmed. Raises InvalidLink."""
    purpose = EmailedToken.Purpose.CONFIRM_EMAIL
    try:
        user = _redeem(token, purpose)
    except InvalidLink:
        used = EmailedToken.objects.filter(digest=digest(token), purpose=purpose, used_at__isnull=False)
        if used.filter(email=F("user__email"), user__email_verified_at__isnull=False).exists():
            return
        raise
    if User.objects.filter(pk=user.pk, email_verified_at=None).update(email_verified_at=timezone.now()):
        session_cache.mark_user(user.pk)


class HasEmail(Protocol):
    """An account, or the columns of one."""

    @property
    def email_verified_at(self) -> datetime | None: ...


def must_confirm_email(user: HasEmail) -> bool:
    """Whether this user cannot post, comment and follow more than a few accounts until the address is confirmed, as
    the settings of the site say."""
    return user.email_verified_at is None and bool(site.current().confirmed_address_required)


def require_confirmed_email(user: HasEmail) -> None:
    """Raises EmailNotConfirmed if `must_confirm_email`."""
    if must_confirm_email(user):
        raise EmailNotConfirmed


@transaction.atomic
def resend_confirmation(user: User) -> None:
    """Enqueue the confirmation mail, which the worker sends unless the address is confirmed."""
    tasks.send_confirmation.delay(user_id=str(user.pk))


def is_link_valid(token: str, purpose: EmailedToken.Purpose) -> bool:
    """Whether `token` can be redeemed now. Does not redeem it."""
    return _unused(token, purpose).exists()


def find_link_owner(token: str) -> UUID | None:
    """The account to which this token was mailed, whether it still works or not. None for an unknown token."""
    return EmailedToken.objects.filter(digest=digest(token)).values_list("user_id", flat=True).first()


def _redeem(token: str, purpose: EmailedToken.Purpose) -> User:
    """Returns the owner of a token and marks the token as used, in one conditional UPDATE.

    A token is valid only while the account has the address that the token was sent to. Raises InvalidLink.
    """
    row = _unused(token, purpose).first()
    if row is None:
        raise InvalidLink
    # The lock lets a change of the address wait, which would make the token invalid.
    user: User = User.objects.select_for_update(no_key=True).get(pk=row.user_id)
    if user.email != row.email or not EmailedToken.objects.filter(pk=row.pk, used_at=None).update(
        used_at=timezone.now()
    ):
        raise InvalidLink
    return user


def _unused(token: str, purpose: EmailedToken.Purpose) -> QuerySet[EmailedToken]:
    return EmailedToken.objects.filter(
        digest=digest(token), purpose=purpose, used_at=None, expires_at__gt=timezone.now(), email=F("user__email")
    )


# ── Profile ──────────────────────────────────────────────────────────────────────────────────────────────
@transaction.atomic
def update_profile(user: User, *, changes: dict[str, Any]) -> User:
    """Update the fields in `changes`. `avatar_media_id` is the id of one of the user's media, or None.

    Raises BlockedText; Invalid for a medium that does not exist, is not ready or belongs to another user.
    """
    user = User.objects.select_for_update(no_key=True).get(pk=user.pk)
    was_private = user.is_private
    changes = dict(changes)
    written = {name: changes[name] for name in SCREENED & changes.keys() if changes[name] != getattr(user, name)}
    suspicious = terms.screen(**written)
    if "avatar_media_id" in changes:
        _change_avatar(user, changes.pop("avatar_media_id"))
    if "settings" in changes:
        changes["settings"] = user.settings | changes["settings"]
    for name, value in changes.items():
        setattr(user, name, value)
    user.save()
    session_cache.mark_user(user.pk)
    report_blocked_terms(user, suspicious)
    if user.is_private != was_private:
        (account_made_private if user.is_private else account_made_public).publish(user_id=str(user.pk))
    return user


def report_blocked_terms(user: User, suspicious: list[UUID]) -> None:
    for term_id in suspicious:
        blocked_text_in_profile.publish(user_id=str(user.pk), term_id=str(term_id))


def _change_avatar(user: User, medium_id: UUID | None) -> None:
    former = user.avatar_id
    if former == medium_id:
        return
    user.avatar = media.use_as_avatar(user.pk, medium_id, field="avatar_media_id") if medium_id else None
    user.save(update_fields=["avatar"])
    if former:
        media.destroy([former])


# ── Deletion, suspension ─────────────────────────────────────────────────────────────────────────────────
@transaction.atomic
def leave(user: User, *, password: str, session_id: UUID | None = None) -> User:
    """Hide the account now and erase it after ERASURE_GRACE, unless the user signs in before. Raises WrongPassword."""
    user = require_password(user, password)
    user.erase_after = timezone.now() + settings.ERASURE_GRACE
    if not user.is_restricted:  # a suspension remains
        user.state = User.State.LEAVING
    user.save(update_fields=["state", "erase_after"])
    _hide(user, reason=Session.EndReason.LEAVING)
    security.record(user, SecurityEvent.Kind.DELETION_SCHEDULED, session_id=session_id)
    return user


@transaction.atomic
def deactivate(user: User, *, password: str, session_id: UUID | None = None) -> None:
    """Hide the account and sign it out everywhere, until its owner signs in and confirms that they return.

    Raises WrongPassword, AccountSuspended.
    """
    user = require_password(user, password)
    if user.is_restricted:
        raise suspension_of(user.pk)
    if user.is_active:  # a pending deletion remains
        user.state = User.State.DEACTIVATED
    user.deactivated_at = timezone.now()
    user.save(update_fields=["state", "deactivated_at"])
    _hide(user, reason=Session.EndReason.DEACTIVATED)
    security.record(user, SecurityEvent.Kind.DEACTIVATED, session_id=session_id)


@transaction.atomic
def erase_now(user: User) -> None:
    """Hide the account now and enqueue its erasure, which cannot be cancelled. Idempotent."""
    user = User.objects.select_for_update(no_key=True).get(pk=user.pk)
    if user.state == User.State.ERASED:
        return
    now = timezone.now()
    user.state, user.erase_after = User.State.ERASED, now
    user.save(update_fields=["state", "erase_after"])
    _hide(user, reason=Session.EndReason.ERASED)
    Erasure.objects.bulk_create([Erasure(user_id=user.pk, next_attempt_at=first_sweep_at())], ignore_conflicts=True)
    tasks.erase.delay(user_id=str(user.pk))


def _cancel_deletion(user: User) -> SecurityEvent.Kind:
    """Cancel a pending deletion and a deactivation. A suspension remains. Returns the event to record."""
    kind = SecurityEvent.Kind
    event = kind.DELETION_CANCELLED if user.erase_after or user.state == User.State.LEAVING else kind.REACTIVATED
    if user.is_restricted:
        user.erase_after, user.deactivated_at = None, None
        user.save(update_fields=["erase_after", "deactivated_at"])
    else:
        activate(user)
    return event


def activate(user: User) -> None:
    """Show a hidden account, which the caller has locked, and cancel its pending deletion and its deactivation."""
    user.state, user.erase_after, user.deactivated_at = User.State.ACTIVE, None, None
    user.save(update_fields=["state", "erase_after", "deactivated_at"])
    _show(user)


@transaction.atomic
def suspend(user: User, *, reason: str, until: datetime | None = None) -> None:
    """Revoke all tokens and hide the content until `unsuspend`. A pending deletion stays pending, and an account that
    its owner has deactivated stays so.

    Raises NotFound for an account that is being erased, and for one whose application is not decided.
    """
    user = _lock(user)
    if user.state == User.State.PENDING:
        raise NotFound
    user.state, user.suspension_reason, user.suspended_until = User.State.SUSPENDED, reason, until
    user.save(update_fields=["state", "suspension_reason", "suspended_until"])
    _hide(user, reason=Session.EndReason.SUSPENDED)


@transaction.atomic
def set_verified(user: User, verified: bool, *, reason: str) -> bool:
    """Grant or remove the mark of a verified account, and mail the member; `reason` is mailed with a removal.

    Returns whether it changed. Who may do this is decided by moderation (`verification.py`).
    """
    changed = User.objects.filter(pk=user.pk).exclude(is_verified=verified).update(is_verified=verified)
    if changed:
        session_cache.mark_user(user.pk)
        tasks.send_verification.delay(user_id=str(user.pk), verified=verified, reason="" if verified else reason)
    return bool(changed)


@transaction.atomic
def unsuspend(user: User) -> bool:
    """Returns whether the account was suspended.

    A pending deletion is pending again, and an account that its owner had deactivated is so again; both end the
    sessions. The restricted sessions of any other account become ordinary ones.
    """
    user = User.objects.select_for_update(no_key=True).get(pk=user.pk)
    if user.state != User.State.SUSPENDED:
        return False
    user.state = _state_without_suspension(user)
    user.suspension_reason, user.suspended_until = "", None
    user.save(update_fields=["state", "suspension_reason", "suspended_until"])
    if user.state == User.State.ACTIVE:
        _show(user)
    else:
        end_all_sessions(user.pk, reason=Session.EndReason(user.state))
    return True


def _state_without_suspension(user: User) -> str:
    if user.erase_after:
        return User.State.LEAVING
    return User.State.DEACTIVATED if user.deactivated_at else User.State.ACTIVE


def suspension_of(user_id: UUID) -> AccountSuspended:
    """The error that tells a suspended user the reason and the end of the suspension."""
    columns = User.objects.filter(pk=user_id).values_list("suspension_reason", "suspended_until")
    reason, until = columns.first() or ("", None)
    return AccountSuspended(reason=reason, until=timestamp(until) if until else None)


@transaction.atomic
def set_reach(user: User, *, limited: bool) -> bool:
    """Limit the reach of an account and its posts (`in_reach` of both querysets), or lift the limit.

    Returns whether this changed it. Raises NotFound for an account that is being erased.
    """
    user = User.objects.select_for_update(no_key=True).get(pk=user.pk)
    if user.state == User.State.ERASED:
        raise NotFound
    if user.reach_limited == limited:
        return False
    user.reach_limited = limited
    user.save(update_fields=["reach_limited"])
    return True


# ── Data export ──────────────────────────────────────────────────────────────────────────────────────────
@transaction.atomic
def request_export(user: User, *, password: str, session_id: UUID | None = None) -> DataExport:
    """Enqueue an archive of the user's data: one at a time and one a day, not counting failed ones.

    Raises WrongPassword, ExportInProgress, ExportTooSoon.
    """
    # The lock serialises concurrent requests.
    user = require_password(user, password)
    now = timezone.now()
    last = exports.latest(user.pk)
    if last and last.status in (DataExport.Status.PENDING, DataExport.Status.PROCESSING):
        raise ExportInProgress
    if last and last.status != DataExport.Status.FAILED:
        wait = (last.created_at + settings.EXPORT_INTERVAL - now).total_seconds()
        if wait > 0:
            raise ExportTooSoon(headers={"Retry-After": str(math.ceil(wait))})
    export = DataExport.objects.create(user_id=user.pk, created_at=now, next_attempt_at=first_sweep_at())
    tasks.make_export.delay(export_id=str(export.pk))
    security.record(user, SecurityEvent.Kind.EXPORT_REQUESTED, session_id=session_id)
    return export


def _lock(user: User) -> User:
    """The account as it is now, locked. Raises NotFound if it is being erased."""
    locked: User = User.objects.select_for_update(no_key=True).get(pk=user.pk)
    if locked.state == User.State.ERASED:
        raise NotFound
    return locked


def _hide(user: User, *, reason: str) -> None:
    end_all_sessions(user.pk, reason=reason)
    if user.avatar_id:
        media.make_private([user.avatar_id])
    account_hidden.publish(user_id=str(user.pk))


def _show(user: User) -> None:
    session_cache.mark_user(user.pk)
    if user.avatar_id:
        media.make_public([user.avatar_id])
    account_shown.publish(user_id=str(user.pk))
