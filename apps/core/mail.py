"""Mails, in text and in HTML.

A mail server confirms what it has taken, and a worker may be killed before it notes that. So a mail may be sent twice,
and never not at all; both bear one Message-ID, by which mail systems tell that it is the same.
"""

from email.utils import parseaddr

from django.conf import settings
from django.core.mail import EmailMultiAlternatives


def send(*, to: str, subject: str, text: str, html: str, reference: str) -> None:
    """`reference` names what the mail is about, the same for each attempt. Raises OSError, smtplib.SMTPException."""
    domain = parseaddr(settings.DEFAULT_FROM_EMAIL)[1].rpartition("@")[2]
    mail = EmailMultiAlternatives(subject, text, to=[to], headers={"Message-ID": f"<{reference}@{domain}>"})
    mail.attach_alternative(html, "text/html")
    mail.send()
