"""The mails of accounts. A token is created when its mail is sent, so that no secret waits in a queue."""

import hashlib
import secrets
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.template.loader import render_to_string
from django.utils import timezone

from apps.accounts.models import EmailedToken, User
from apps.core import mail


def digest(token: str) -> str:
    return hashlib.sha256(token.encode(errors="replace")).hexdigest()


def send_confirmation(user_id: UUID, *, reference: str) -> None:
    """Send a confirmation link unless the address is confirmed."""
    user = User.objects.filter(pk=user_id, email_verified_at=None, state=User.State.ACTIVE).first()
    if user:
        _send(user, EmailedToken.Purpose.CONFIRM_EMAIL, settings.EMAIL_CONFIRM_LIFETIME, "confirm-email", reference)


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
        _mail(user, "export-ready", {"link": f"{settings.CLIENT_URL}/export", "hours": hours}, reference)


def _send(user: User, purpose: EmailedToken.Purpose, lifetime: timedelta, template: str, reference: str) -> None:
    token = secrets.token_urlsafe(32)
    EmailedToken.objects.create(
        user=user, purpose=purpose, email=user.email, digest=digest(token), expires_at=timezone.now() + lifetime
    )
    link = f"{settings.CLIENT_URL}/{template}?token={token}"
    _mail(user, template, {"token": token, "link": link, "hours": int(lifetime.total_seconds() // 3600)}, reference)


def _mail(user: User, template: str, values: dict[str, Any], reference: str) -> None:
    context = {"name": user.greeting_name} | values
    subject = render_to_string(f"mail/{template}.subject.txt", context).strip()
    mail.send(to=user.email, subject=subject, template=template, context=context, about=reference)
