"""Mails, in text and in HTML.

A mail server confirms what it has taken, and a worker may be killed before it notes that. So a mail may be sent twice,
and never not at all; both bear one Message-ID, by which mail systems tell that it is the same.
"""

from email.utils import formataddr, parseaddr
from typing import Any

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string
from django.utils.module_loading import import_string


def send(
    *,
    to: str,
    subject: str,
    template: str,
    context: dict[str, Any],
    about: object,
    headers: dict[str, str] | None = None,
) -> None:
    """Of the templates `mail/{template}.txt` and `.html`. `about` names what the mail is about, the same for each
    attempt. The templates also get what MAIL_CONTEXT_PROCESSORS return. `headers` are further headers. Raises OSError,
    smtplib.SMTPException."""
    context = shared_context() | context
    sender, address = parseaddr(settings.DEFAULT_FROM_EMAIL)
    domain = address.rpartition("@")[2]
    text = render_to_string(f"mail/{template}.txt", context)
    mail = EmailMultiAlternatives(
        subject,
        text,
        from_email=formataddr((context.get("sender_name") or sender, address)),
        to=[to],
        headers=(headers or {}) | {"Message-ID": f"<{template}-{about}@{domain}>"},
    )
    mail.attach_alternative(render_to_string(f"mail/{template}.html", context), "text/html")
    mail.send()


def shared_context() -> dict[str, Any]:
    """What the templates of all mails get: the results of the functions that MAIL_CONTEXT_PROCESSORS names.

    `sender_name`, if not empty, replaces the name in DEFAULT_FROM_EMAIL.
    """
    context: dict[str, Any] = {}
    for path in settings.MAIL_CONTEXT_PROCESSORS:
        context |= import_string(path)()
    return context
