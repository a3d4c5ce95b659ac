"""Mails, in text and in HTML.

A mail server confirms what it has taken, and a worker may be killed before it notes that. So a mail may be sent twice,
and never not at all; both bear one Message-ID, by which mail systems tell that it is the same.
"""

from email.utils import parseaddr
from typing import Any

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string


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
    attempt. `headers` are further headers. Raises OSError, smtplib.SMTPException."""
    domain = parseaddr(settings.DEFAULT_FROM_EMAIL)[1].rpartition("@")[2]
    text = render_to_string(f"mail/{template}.txt", context)
    headers = (headers or {}) | {"Message-ID": f"<{template}-{about}@{domain}>"}
    mail = EmailMultiAlternatives(subject, text, to=[to], headers=headers)
    mail.attach_alternative(render_to_string(f"mail/{template}.html", context), "text/html")
    mail.send()
