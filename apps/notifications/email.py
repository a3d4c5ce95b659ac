"""Delivery by mail, to confirmed addresses only."""

from smtplib import SMTPException

from django.conf import settings

from apps.core import mail
from apps.core.text import hide_emails
from apps.notifications.channels import NowhereToGo, Undelivered
from apps.notifications.models import NotificationEvent
from apps.notifications.wording import get_line


def send(event: NotificationEvent) -> None:
    """Mail the recipient about the event. Raises NowhereToGo, Undelivered."""
    user = event.recipient
    if user.email_verified_at is None:
        raise NowhereToGo("the address is not confirmed")
    context = {
        "name": user.greeting_name,
        "line": get_line(event),
        "link": f"{settings.CLIENT_URL}/notifications",
    }
    try:
        mail.send(
            to=user.email,
            locale=user.locale,
            subject=context["line"],
            template="notification",
            context=context,
            about=event.pk,
        )
    except (OSError, SMTPException) as error:
        raise Undelivered(hide_emails(str(error))) from error
