"""Mails to moderators about new reports and appeals."""

import re
from datetime import timedelta
from smtplib import SMTPException
from urllib.parse import urlsplit

import pytest
import time_machine
from django.core import mail
from django.utils import timezone

from apps.moderation import digests, preferences, services
from apps.moderation.appeals import objections
from apps.moderation.models import Digest
from apps.moderation.roles import dismiss
from tests.factories import PostFactory, UserFactory
from tests.moderation.people import make_moderator, taken_down
from tests.web.conftest import Browser

pytestmark = pytest.mark.django_db


@pytest.fixture
def hourly(mod):
    return preferences.configure_digest(mod, frequency="hourly")


def report(row, category="spam"):
    return services.flag(row, by=UserFactory().pk, category=category)[0]


def send_after(**period):
    """Run the job so much later. Returns the mails that it sent."""
    mail.outbox.clear()
    with time_machine.travel(timezone.now() + timedelta(**period), tick=False):
        digests.send_due()
    return list(mail.outbox)


def test_digest_has_numbers_and_no_content(mod, alice, hourly):
    secret = PostFactory(author=alice, caption="My secret", visibility="followers")
    for category in ("spam", "spam", "hate"):
        report(secret, category)
    services.appeal(taken_down(PostFactory(author=alice), make_moderator("other")), by=alice.pk, text="It is art.")
    [letter] = send_after(hours=1)
    assert (letter.to, letter.subject) == ([mod.email], "3 new reports, 1 new appeal")
    html = letter.alternatives[0][0]
    for body in (letter.body, html):
        assert "Spam: 2" in body
        assert "Hate: 1" in body
        assert "/admin/moderation/flag/queue/" in body
        assert "change your password" in body
        for private in ("alice", "secret", "art", str(secret.pk)):
            assert private not in body
    assert send_after(hours=2) == [], "nothing new"


@pytest.mark.parametrize(
    ("frequency", "early", "due"),
    [
        ("immediately", None, {"minutes": 1}),
        ("hourly", {"minutes": 58}, {"hours": 1}),
        ("daily", {"hours": 23}, {"days": 1}),
    ],
)
def test_digest_is_sent_when_its_period_is_over(mod, alice, frequency, early, due):
    preferences.configure_digest(mod, frequency=frequency)
    report(alice)
    if early:
        assert send_after(**early) == []
    assert len(send_after(**due)) == 1


@pytest.mark.parametrize(
    "kind",
    ["console only", "no queue", "empty", "closed", "own", "own decision", "objection", "old", "no moderator"],
)
def test_no_digest_is_sent(mod, alice, bob, hourly, kind):
    match kind:
        case "console only":
            preferences.configure_digest(mod, frequency="never")
            report(alice)
        case "no queue":
            preferences.configure_digest(mod, reports=False)
            report(alice)
        case "closed":
            services.resolve_flag(report(alice), by=mod, resolution="dismissed")
        case "own":
            report(mod)
        case "own decision":
            services.appeal(taken_down(PostFactory(author=alice), mod), by=alice.pk, text="No.")
        case "objection":
            flag = services.flag(mod, by=bob.pk, category="hate")[0]
            services.resolve_flag(flag, by=make_moderator("chief", "admin"), resolution="dismissed")
            objections.object_to(flag, by=bob.pk, text="No.")
        case "old":
            report(alice)
            assert len(send_after(hours=1)) == 1
        case "no moderator":
            report(alice)
            dismiss(mod)
    assert send_after(hours=3) == []


def test_failed_mail_is_sent_again(mod, alice, hourly, monkeypatch):
    report(alice)

    def fail(**_):
        raise SMTPException

    with monkeypatch.context() as patch:
        patch.setattr(digests.mail, "send", fail)
        assert send_after(hours=1) == []
    assert send_after(hours=1, minutes=4) == []
    assert len(send_after(hours=1, minutes=6)) == 1


def test_link_of_the_mail_stops_the_mails_without_signing_in(mod, alice, hourly):
    report(alice)
    [letter] = send_after(hours=1)
    link = re.search(r"<(.+)>", letter.extra_headers["List-Unsubscribe"])[1]
    assert letter.extra_headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert link in letter.body
    path = urlsplit(link)._replace(scheme="", netloc="").geturl()
    # Mail programs have neither a cookie nor a CSRF token.
    browser = Browser(enforce_csrf_checks=True)
    assert "Stop these mails" in browser.get(path).text
    assert Digest.objects.get().frequency == "hourly", "reading it changes nothing"
    assert browser.post(path, {"List-Unsubscribe": "One-Click"}).status_code == 200
    assert Digest.objects.get().frequency == "never"
    assert Browser().get("/moderation-digest/stop?token=x").status_code == 400
    report(alice)
    assert send_after(days=2) == []


def test_setting_through_the_api(api, mod):
    assert api(mod).get("/moderation/digest").json() == {"frequency": "never", "reports": True, "appeals": True}
    changed = api(mod).patch("/moderation/digest", {"frequency": "daily", "appeals": False})
    assert changed.json() == {"frequency": "daily", "reports": True, "appeals": False}
    assert api(mod).get("/moderation/digest").json() == changed.json()
    assert api(mod).patch("/moderation/digest", {"frequency": "weekly"}).status_code == 400
