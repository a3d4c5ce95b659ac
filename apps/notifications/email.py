"""Delivery by mail, to confirmed addresses only."""

from smtplib import SMTPException
from typing import Any

from django.conf import settings

from apps.core import mail
from apps.core.text import hide_emails
from apps.notifications.channels import NowhereToGo, Undelivered
from apps.notifications.models import NotificationEvent, Type
from apps.notifications.wording import get_line


def send(event: NotificationEvent) -> None:
    """Mail the recipient about the event. Raises NowhereToGo, Undelivered."""
    user = event.recipient
    if user.email_verified_at is None:
        raise NowhereToGo("the address is not confirmed")
    template, subject, context = _compose(event)
    try:
        mail.send(
            to=user.email,
            locale=user.locale,
            time_zone=user.time_zone,
            subject=subject,
            template=template,
            context={"name": user.greeting_name} | context,
            about=event.pk,
        )
    except (OSError, SMTPException) as error:
        raise Undelivered(hide_emails(str(error))) from error


def _compose(event: NotificationEvent) -> tuple[str, str, dict[str, Any]]:
    """(template, subject, context). The answer to a report is mailed completely."""
    if event.notification.type == Type.REPORT:
        subject, *paragraphs = event.notification.statement.split("\n\n")
        security = f"{settings.CLIENT_URL}/settings/security"
        return (
            "report",
            subject,
            {"paragraphs": paragraphs, "link": f"{settings.CLIENT_URL}/reports", "security": security},
        )
    line = get_line(event)
    return "notification", line, {"line": line, "link": f"{settings.CLIENT_URL}/notifications"}
