"""Pages that change the handle and the e-mail address, and the list of security events."""

import re

import pytest
from django.core import mail
from django.utils import timezone

from apps.accounts import security
from apps.accounts.models import SecurityEvent, User
from tests.factories import PASSWORD

pytestmark = pytest.mark.django_db
NEW = "new@example.org"


@pytest.fixture
def member(alice):
    alice.email_verified_at = timezone.now()
    alice.save()
    return alice


def link_to(address):
    bodies = [message.body for message in mail.outbox if message.to == [address]]
    return re.search(r"/[a-z-]+\?token=[\w-]+", bodies[-1])[0]


def text_of(response):
    return response.content.decode()


def test_handle_is_changed_and_the_form_is_away_for_14_days(browse, member):
    browser = browse(member)
    assert 'value="alice"' in text_of(browser.get("/settings/account"))
    saved = browser.post("/settings/account/handle", {"handle": "Alicia"}, follow=True)
    assert "Your handle is changed." in text_of(saved)
    assert 'name="handle"' not in text_of(saved)
    assert "You can change it again on" in text_of(saved)
    refused = browser.post("/settings/account/handle", {"handle": "another"})
    assert refused.status_code == 409
    assert "You changed your handle recently." in text_of(refused)


@pytest.mark.parametrize(("handle", "status"), [("bob", 409), ("al", 400), ("admin", 400)])
def test_refused_handle_is_shown_with_the_message_and_other_forms_are_complete(browse, alice, bob, handle, status):
    refused = browse(alice).post("/settings/account/handle", {"handle": handle})
    assert refused.status_code == status
    assert f'value="{handle}"' in text_of(refused)
    assert 'id="handle-error"' in text_of(refused)
    assert '<option value="en" lang="en" selected>' in text_of(refused)
    assert text_of(refused).count("<h1") == 1


def test_address_is_changed_by_the_link_and_taken_back_by_the_other(browse, deliver, member):
    browser = browse(member)
    page = browser.post("/settings/account/email", {"email": NEW, "password": PASSWORD}, follow=True)
    assert f"We have sent a mail to {NEW}." in text_of(page)
    assert "Cancel the change" in text_of(page)
    deliver()
    stranger, link = browse(), link_to(NEW)
    assert "Use this address" in text_of(stranger.get(link))
    stranger.head(link)
    assert User.objects.get().email == "alice@example.org"  # a mail scanner has opened it
    confirmed = stranger.post("/confirm-new-email", {"token": link.partition("=")[2]}, follow=True)
    assert "Your e-mail address is changed." in text_of(confirmed)
    assert User.objects.get().email == NEW
    deliver()
    link = link_to("alice@example.org")
    assert "Take my account back" in text_of(stranger.get(link))
    assert User.objects.get().email == NEW
    token = link.partition("=")[2]
    assert stranger.post("/revert-email", {"token": token, "new_password": "short"}).status_code == 400
    reverted = stranger.post("/revert-email", {"token": token, "new_password": "a better battery"}, follow=True)
    assert "The account is yours again." in text_of(reverted)
    assert User.objects.get().email == "alice@example.org"
    assert browser.get("/settings/account").status_code == 302  # signed out
    assert "expired or was used before" in text_of(stranger.get(link))


def test_pending_change_is_cancelled(browse, deliver, member):
    browser = browse(member)
    browser.post("/settings/account/email", {"email": NEW, "password": PASSWORD})
    deliver()
    page = browser.post("/settings/account/email/cancel", follow=True)
    assert "Your e-mail address stays as it is." in text_of(page)
    assert "Cancel the change" not in text_of(page)
    refused = browse().post("/confirm-new-email", {"token": link_to(NEW).partition("=")[2]})
    assert (refused.status_code, "was cancelled" in text_of(refused)) == (400, True)


def test_mistyped_address_is_corrected(browse, deliver, alice):
    browser = browse(alice)
    assert "Is the address wrong?" in text_of(browser.get("/"))
    assert "Correct the address" in text_of(browser.get("/settings/account"))
    wrong = browser.post("/settings/account/email", {"email": NEW, "password": "x"})
    assert (wrong.status_code, 'id="password-error"' in text_of(wrong)) == (403, True)
    assert f'value="{NEW}"' in text_of(wrong)
    browser.post("/settings/account/email", {"email": NEW, "password": PASSWORD})
    deliver()
    assert User.objects.get().email == NEW
    assert link_to(NEW).startswith("/confirm-email?")


def test_security_events_are_listed_in_pages(browse, member):
    assert "are listed here" in text_of(browse(member).get("/settings/security"))
    for number in range(45):
        security.record(member, SecurityEvent.Kind.PASSKEY_ADDED, detail=f"<b>{number}</b>", address="203.0.113.7")
    page = text_of(browse(member).get("/settings/security"))
    assert page.count("A passkey was added") == 5
    assert "&lt;b&gt;44&lt;/b&gt;" in page
    assert "203.0.113.***" in page
    page = text_of(browse(member).get("/settings/security/events"))
    assert page.count("A passkey was added") == 30
    following = re.search(r'href="(/settings/security/events\?[^"]+)"', page)[1].replace("&amp;", "&")
    assert text_of(browse(member).get(following)).count("A passkey was added") == 15


@pytest.mark.parametrize("kind", SecurityEvent.Kind.values)
def test_every_event_has_a_title(kind):
    assert security.title_of(SecurityEvent(kind=kind))


def test_api_lists_the_own_security_events(api, member, carol):
    security.record(member, SecurityEvent.Kind.HANDLE_CHANGED, detail="@a → @b", address="2001:db8::1", user_agent="X")
    security.record(carol, SecurityEvent.Kind.EXPORT_READY)
    (event,) = api(member).get("/auth/security-events").json()["results"]
    assert event | {"id": "", "created_at": ""} == {
        "id": "",
        "kind": "handle_changed",
        "detail": "@a → @b",
        "device": "X",
        "network": "2001:db8::/48",
        "created_at": "",
    }
    (event,) = api(carol).get("/auth/security-events").json()["results"]
    assert event["device"] == ""
