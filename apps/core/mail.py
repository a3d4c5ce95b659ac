"""Mails, in text and in HTML.

A mail server confirms what it has taken, and a worker may be killed before it notes that. So a mail may be sent twice,
and never not at all; both bear one Message-ID, by which mail systems tell that it is the same.
"""

from email.utils import formataddr, parseaddr
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string
from django.utils.module_loading import import_string
from django.utils.translation import get_language

from apps.core.languages import use_language
from apps.core.time_zones import show_dates_in

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise


def send(
    *,
    to: str,
    locale: str,
    template: str,
    context: dict[str, Any],
    about: object,
    subject: "StrOrPromise" = "",
    headers: dict[str, str] | None = None,
    time_zone: str = "",
) -> None:
    """Send a mail of the templates `mail/{template}.txt` and `.html`, in the language of `locale`, with dates in
    `time_zone`.

    Without `subject`, the template `mail/{template}.subject.txt` is the subject. `about` names what the mail is about,
    the same for each attempt. The templates also get `language` and what MAIL_CONTEXT_PROCESSORS return. `headers` are
    further headers. Raises OSError, smtplib.SMTPException.
    """
    sender, address = parseaddr(settings.DEFAULT_FROM_EMAIL)
    domain = address.rpartition("@")[2]
    with use_language(locale), show_dates_in(time_zone):
        context = {"language": get_language()} | shared_context() | context
        title = str(subject) or render_to_string(f"mail/{template}.subject.txt", context).strip()
        text = render_to_string(f"mail/{template}.txt", context)
        page = render_to_string(f"mail/{template}.html", context)
    mail = EmailMultiAlternatives(
        title,
        text,
        from_email=formataddr((context.get("sender_name") or sender, address)),
        to=[to],
        headers=(headers or {}) | {"Message-ID": f"<{template}-{about}@{domain}>"},
    )
    mail.attach_alternative(page, "text/html")
    mail.send()


def shared_context() -> dict[str, Any]:
    """What the templates of all mails get: the results of the functions that MAIL_CONTEXT_PROCESSORS names.

    `sender_name`, if not empty, replaces the name in DEFAULT_FROM_EMAIL.
    """
    context: dict[str, Any] = {}
    for path in settings.MAIL_CONTEXT_PROCESSORS:
        context |= import_string(path)()
    return context
