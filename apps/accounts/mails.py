"""The mails of accounts. A token is created when its mail is sent, so that no secret waits in a queue."""

import hashlib
import secrets
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.functional import lazy

from apps.accounts import security
from apps.accounts.devices import name_event_device
from apps.accounts.models import Application, EmailChange, EmailedToken, SecurityEvent, User
from apps.core import mail
from apps.site import reads as site

# Text that is made when the template is rendered, in the language that is active then.
_lazily: Callable[[Callable[[], str]], str] = lazy(lambda make: make(), str)


def digest(token: str) -> str:
    return hashlib.sha256(token.encode(errors="replace")).hexdigest()


def send_confirmation(user_id: UUID, *, reference: str) -> None:
    """Send a confirmation link unless the address is confirmed. For a pending account it says what happens next."""
    states = [User.State.ACTIVE, User.State.PENDING]
    user = User.objects.filter(pk=user_id, email_verified_at=None, state__in=states).first()
    if user:
        days = settings.APPLICATION_LIFETIME.days if user.state == User.State.PENDING else 0
        _send(
            user,
            EmailedToken.Purpose.CONFIRM_EMAIL,
            settings.EMAIL_CONFIRM_LIFETIME,
            "confirm-email",
            reference,
            template="confirm-application" if days else "",
            days=days,
        )


def send_application_decision(application_id: UUID, *, reference: str) -> None:
    """Tell the applicant whether the account is approved, with the reason of the moderator."""
    application = Application.objects.select_related("user").filter(pk=application_id).first()
    if application is None or application.user.state == User.State.ERASED:
        return
    is_approved = application.status == Application.Status.APPROVED
    values = {
        "note": application.note,
        "link": f"{settings.CLIENT_URL}/login",
        "days": settings.REJECTED_APPLICATION_KEPT.days,
    }
    _mail(application.user, "application-approved" if is_approved else "application-rejected", values, reference)


def send_reset(email: str, *, reference: str) -> None:
    """Send a reset link if there is an account with this address, to the stored one."""
    user = User.objects.filter(email=email).exclude(state=User.State.ERASED).first()
    if user:
        _send(user, EmailedToken.Purpose.RESET_PASSWORD, settings.PASSWORD_RESET_LIFETIME, "reset-password", reference)


def address_of(user_id: UUID) -> str:
    """The address of an account; empty if there is none."""
    return User.objects.filter(pk=user_id).values_list("email", flat=True).first() or ""


def send_export_ready(user_id: UUID, *, reference: str) -> None:
    """Announce an archive. The mail has no download link, so that the reader must sign in."""
    user = User.objects.filter(pk=user_id).exclude(state__in=[User.State.LEAVING, User.State.ERASED]).first()
    if user:
        hours = int(settings.EXPORT_LIFETIME.total_seconds() // 3600)
        links = {"link": f"{settings.CLIENT_URL}/export", "password_link": f"{settings.CLIENT_URL}/forgot"}
        _mail(user, "export-ready", links | {"hours": hours}, reference)


def send_email_change(change_id: UUID, *, reference: str) -> None:
    """Send a confirmation link to the new address of a pending change.

    If there is an account with that address, tell it so instead; nothing is sent to an address that another account can
    still take back.
    """
    change = EmailChange.objects.pending().filter(pk=change_id).select_related("user").first()
    if change is None or change.user.state == User.State.ERASED:
        return
    owner = User.objects.not_erased().filter(email=change.new_email).first()
    if owner:
        _mail(owner, "email-in-use", {"link": f"{settings.CLIENT_URL}/forgot"}, reference)
    elif not EmailChange.objects.reserving(change.new_email).exclude(user=change.user).exists():
        lifetime = settings.EMAIL_CONFIRM_LIFETIME
        token = _create_token(change.user, EmailedToken.Purpose.CHANGE_EMAIL, lifetime, change.new_email)
        link = f"{settings.CLIENT_URL}/confirm-new-email?token={token}"
        values = {"name": "", "link": link, "hours": int(lifetime.total_seconds() // 3600)}
        _mail(change.user, "change-email", values, reference, to=change.new_email)


def send_security_mail(event_id: UUID, *, reference: str) -> None:
    """Mail a security event to the address that the account had at that time."""
    event = SecurityEvent.objects.filter(pk=event_id).select_related("user").first()
    if event is None or event.user.state == User.State.ERASED:
        return
    notice = security.NOTICES[event.kind]
    values = {
        "date": _lazily(lambda: _format_day(event.user.erase_after)),
        "days": settings.EMAIL_REVERT_LIFETIME.days,
    }
    context = {
        "subject": notice.subject,
        "text": _lazily(lambda: str(notice.text % values)),
        # Nobody can send a text of their choice to the address of another person (`User.greeting_name`).
        "detail": event.detail if event.user.email_verified_at else "",
        "at": event.created_at,
        "device": _lazily(lambda: name_event_device(event)),
        "network": event.network,
        "advice": _lazily(lambda: str(notice.advice % values)),
        "label": notice.label,
        "link": _link_of(event, notice),
    }
    _mail(event.user, "security", context, reference, to=event.email)


def _link_of(event: SecurityEvent, notice: security.Notice) -> str:
    """The link of the mail about an event. That about a changed address has a token, which takes the account back."""
    link = f"{settings.CLIENT_URL}/{notice.path}"
    if event.kind != SecurityEvent.Kind.EMAIL_CHANGED:
        return link
    token = _create_token(event.user, EmailedToken.Purpose.REVERT_EMAIL, settings.EMAIL_REVERT_LIFETIME, event.email)
    return f"{link}?token={token}"


def send_erased(user: User, *, reference: str) -> None:
    """Tell a user that the account is erased, before the address is erased as well."""
    _mail(user, "account-erased", {"contact": site.current().contact}, reference)


def _format_day(moment: datetime | None) -> str:
    return date_format(timezone.localtime(moment), "DATE_FORMAT") if moment else ""


def send_verification(user_id: UUID, *, verified: bool, reason: str, reference: str) -> None:
    """Announce that the mark of a verified account was granted or removed, unless it has changed since."""
    user = User.objects.filter(pk=user_id, state=User.State.ACTIVE, is_verified=verified).first()
    if user:
        values = {"verified": verified, "reason": reason, "handle": user.handle, "contact": site.current().contact}
        _mail(user, "verification", values, reference)


def _send(
    user: User,
    purpose: EmailedToken.Purpose,
    lifetime: timedelta,
    page: str,
    reference: str,
    *,
    template: str = "",
    **values: Any,
) -> None:
    """Send a link to `page` with a new token. `template`: of the mail, by default that with the name of the page."""
    token = _create_token(user, purpose, lifetime, user.email)
    link = f"{settings.CLIENT_URL}/{page}?token={token}"
    values |= {"token": token, "link": link, "hours": int(lifetime.total_seconds() // 3600)}
    _mail(user, template or page, values, reference)


def _create_token(user: User, purpose: EmailedToken.Purpose, lifetime: timedelta, email: str) -> str:
    token = secrets.token_urlsafe(32)
    EmailedToken.objects.create(
        user=user, purpose=purpose, email=email, digest=digest(token), expires_at=timezone.now() + lifetime
    )
    return token


def _mail(user: User, template: str, values: dict[str, Any], reference: str, *, to: str = "") -> None:
    context = {"name": user.greeting_name} | values
    mail.send(
        to=to or user.email,
        locale=user.locale,
        time_zone=user.time_zone,
        template=template,
        context=context,
        about=reference,
    )
