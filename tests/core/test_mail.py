"""Mails as they leave us."""

import pytest
from django.conf import settings
from django.core import mail as outgoing

from config.celery import app

pytestmark = pytest.mark.django_db


@pytest.mark.promise("R2")
def test_repeated_mail_has_the_same_message_id(alice, settings):
    """A worker that is killed after the mail server took the mail, and before it noted that, sends it once more."""
    settings.DEFAULT_FROM_EMAIL = "Photogram <noreply@photogram.example>"
    alice.email_verified_at = None
    alice.save()
    for _ in range(2):
        app.tasks["apps.accounts.tasks.send_confirmation"].apply(kwargs={"user_id": str(alice.pk)}, task_id="one")
    app.tasks["apps.accounts.tasks.send_confirmation"].apply(kwargs={"user_id": str(alice.pk)}, task_id="two")
    assert [mail.extra_headers["Message-ID"] for mail in outgoing.outbox] == [
        "<confirm-email-one@photogram.example>",
        "<confirm-email-one@photogram.example>",
        "<confirm-email-two@photogram.example>",
    ]


def test_templates_of_mails_use_the_name_and_the_colour_of_the_site():
    texts = {file.name: file.read_text() for file in (settings.BASE_DIR / "templates" / "mail").iterdir()}
    assert [name for name, text in texts.items() if "Photogram" in text or "background: #" in text] == []
