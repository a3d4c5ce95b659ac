"""Notifications by mail, to confirmed addresses only."""

from email.utils import parseaddr
from smtplib import SMTPException

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string

from apps.notifications.channels import NowhereToGo, Undelivered
from apps.notifications.models import Act
from apps.notifications.wording import line


def send(act: Act) -> None:
    """Raises NowhereToGo, Undelivered.

    A worker may die between the mail server's "accepted" and our note of it; then the mail goes out once more, under
    the same Message-ID, by which mailboxes know it as the same.
    """
    user = act.recipient
    if user.email_verified_at is None:
        raise NowhereToGo("the address is not confirmed")
    context = {
        "name": user.display_name or user.handle,
        "line": line(act),
        "link": f"{settings.CLIENT_URL}/notifications",
    }
    mail = EmailMultiAlternatives(
        subject=context["line"],
        body=render_to_string("mail/notification.txt", context),
        to=[user.email],
        headers={"Message-ID": f"<{act.pk}@{_our_domain()}>"},
    )
    mail.attach_alternative(render_to_string("mail/notification.html", context), "text/html")
    try:
        mail.send()
    except (OSError, SMTPException) as error:
        raise Undelivered(str(error)) from error


def _our_domain() -> str:
    return parseaddr(settings.DEFAULT_FROM_EMAIL)[1].rpartition("@")[2]
