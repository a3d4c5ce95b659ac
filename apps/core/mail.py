"""Mails, in text and in HTML.

A mail server confirms what it has taken, and a worker may be killed before it notes that. So a mail may be sent twice,
and never not at all; both bear one Message-ID, by which mail systems tell that it is the same.
"""

from email.utils import parseaddr
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string
from django.utils.translation import get_language

from apps.core.languages import use_language

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise


def send(
    *, to: str, locale: str, template: str, context: dict[str, Any], about: object, subject: "StrOrPromise" = ""
) -> None:
    """Send a mail of the templates `mail/{template}.txt` and `.html`, in the language of `locale`.

    Without `subject`, the template `mail/{template}.subject.txt` is the subject. `about` names what the mail is about,
    the same for each attempt. Raises OSError, smtplib.SMTPException.
    """
    domain = parseaddr(settings.DEFAULT_FROM_EMAIL)[1].rpartition("@")[2]
    with use_language(locale):
        context = {"language": get_language(), **context}
        title = str(subject) or render_to_string(f"mail/{template}.subject.txt", context).strip()
        text = render_to_string(f"mail/{template}.txt", context)
        page = render_to_string(f"mail/{template}.html", context)
    mail = EmailMultiAlternatives(title, text, to=[to], headers={"Message-ID": f"<{template}-{about}@{domain}>"})
    mail.attach_alternative(page, "text/html")
    mail.send()
