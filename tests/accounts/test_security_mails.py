"""Security events: what is mailed, to whom, and what the mails say."""

import re

import pytest
from django.core import mail
from django.urls import resolve
from django.utils import timezone

from apps.accounts import devices, security, services
from apps.accounts.models import SecurityEvent, Session
from tests.factories import PASSWORD, UserFactory

pytestmark = pytest.mark.django_db
Kind = SecurityEvent.Kind
FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0"
NEWER_FIREFOX = FIREFOX.replace("140.0", "141.0")
SAFARI = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Version/18.0 Mobile Safari/604.1"


@pytest.fixture
def member(db):
    return UserFactory(handle="alice", email_verified_at=timezone.now())


def kinds(user):
    return list(SecurityEvent.objects.owned_by(user.pk).order_by("id").values_list("kind", flat=True))


def sign_in(api, user, *, user_agent=FIREFOX, device_name="", address="203.0.113.7"):
    body = {"login": user.handle, "password": PASSWORD, "device_name": device_name}
    answer = api(None).post("/auth/token", body, HTTP_USER_AGENT=user_agent, REMOTE_ADDR=address)
    assert answer.status_code == 200, answer.content
    return answer.json()


@pytest.mark.parametrize("kind", security.NOTICES)
def test_mail_of_each_event_says_what_happened_and_what_to_do_if_it_was_not_you(settings, deliver, member, kind):
    member.erase_after = timezone.now()
    member.save()
    event = security.record(member, kind, detail="<My> phone", address="203.0.113.7", user_agent=FIREFOX)
    deliver()
    (message,) = mail.outbox
    assert message.to == ["alice@example.org"]
    assert message.subject == security.NOTICES[kind].subject
    html = message.alternatives[0].content
    for text in (message.body, html):
        assert "Hello Alice," in text
        assert re.search(r"If this was not you|sign in to keep|secure your mailbox|restored", text), text
        assert "%(" not in text
        assert "Firefox on Windows" in text
        assert "203.0.113.***" in text
        assert f"{settings.CLIENT_URL}/{security.NOTICES[kind].path}" in text
        assert str(timezone.now().year) in text
    assert resolve(f"/{security.NOTICES[kind].path}")
    assert "<My> phone" in message.body
    assert "&lt;My&gt; phone" in html
    assert event.network == "203.0.113.***"


def test_mail_to_an_unconfirmed_address_has_no_text_of_the_member(deliver, alice):
    security.record(alice, Kind.PASSKEY_ADDED, detail="evil.example")
    deliver()
    assert "evil.example" not in mail.outbox[0].body
    assert "Alice" not in mail.outbox[0].body


def test_every_event_is_mailed_or_has_another_mail():
    without = {Kind.EMAIL_CORRECTED, Kind.EMAIL_CHANGE_CANCELLED, Kind.EXPORT_REQUESTED, Kind.EXPORT_READY}
    assert set(Kind) - set(security.NOTICES) == without


def test_mail_goes_to_the_address_at_the_time_of_the_event(deliver, member):
    security.record(member, Kind.PASSWORD_CHANGED)
    member.email = "other@example.org"
    member.save()
    deliver()
    assert mail.outbox[0].to == ["alice@example.org"]


def test_fourth_mail_of_a_kind_in_an_hour_is_left_out_and_the_event_is_listed(settings, deliver, member):
    settings.RATE_LIMITS_ENABLED = True
    for _ in range(5):
        security.record(member, Kind.NEW_DEVICE)
    security.record(member, Kind.PASSWORD_CHANGED)
    deliver()
    assert len(mail.outbox) == 4
    assert len(kinds(member)) == 6


def test_mail_with_the_link_that_takes_an_account_back_is_never_left_out(settings, deliver, member):
    settings.RATE_LIMITS_ENABLED = True
    for _ in range(5):
        security.record(member, Kind.EMAIL_CHANGED)
    deliver()
    assert len(mail.outbox) == 5


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("203.0.113.7", "203.0.113.***"),
        ("2001:db8:aaaa:bbbb:cccc::1", "2001:db8:aaaa::/48"),
        ("::1", "::/48"),
        (None, ""),
        ("", ""),
    ],
)
def test_network_hides_the_computer(address, network):
    assert devices.masked_address(address) == network


# ── New devices ──────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(
    ("second", "is_new"),
    [
        ({}, False),
        ({"user_agent": NEWER_FIREFOX}, False),
        ({"address": "198.51.100.9"}, False),
        ({"user_agent": SAFARI}, True),
        ({"user_agent": FIREFOX.replace("Windows NT 10.0; Win64; x64", "X11; Linux x86_64")}, True),
        ({"device_name": "Alice's phone"}, True),
        ({"user_agent": "Photogram/3.2 (Android 16)"}, True),
        ({"user_agent": ""}, True),
    ],
)
def test_sign_in_from_a_new_device_is_mailed(api, deliver, member, second, is_new):
    sign_in(api, member)
    assert kinds(member) == []
    sign_in(api, member, **second)
    assert kinds(member) == [Kind.NEW_DEVICE] * is_new
    sign_in(api, member, **second)
    deliver()
    assert [message.subject for message in mail.outbox] == ["New sign-in to your account"] * is_new


def test_device_of_an_ended_session_is_known(api, member):
    sign_in(api, member)
    services.end_all_sessions(member.pk)
    sign_in(api, member)
    assert kinds(member) == []


def test_first_sign_in_is_no_news_but_one_after_a_long_absence_is(api, member):
    sign_in(api, member)
    assert kinds(member) == []
    Session.objects.all().delete()
    member.created_at = timezone.now() - timezone.timedelta(days=31)
    member.save()
    sign_in(api, member)
    assert kinds(member) == [Kind.NEW_DEVICE]


def test_console_in_a_known_browser_is_no_new_device(api, mod):
    sign_in(api, mod)
    services.open_console_session(mod, address="203.0.113.7", user_agent=NEWER_FIREFOX, two_factor=False)
    assert kinds(mod) == []


def test_browser_in_which_the_account_was_created_is_known(client):
    headers = {"User-Agent": FIREFOX}
    client.post("/join", {"handle": "alice", "email": "alice@example.org", "password": PASSWORD}, headers=headers)
    client.post("/logout", headers=headers)
    client.post("/login", {"login": "alice", "password": PASSWORD}, headers=headers)
    assert Session.objects.count() == 2
    assert not SecurityEvent.objects.exists()


# ── Changes ──────────────────────────────────────────────────────────────────────────────────────────────
def test_password_export_and_deletion_are_recorded_with_the_device(api, deliver, member):
    sign_in(api, member, user_agent=SAFARI)
    signed_in = sign_in(api, member)
    caller = api(None)
    caller.credentials(HTTP_AUTHORIZATION=f"Bearer {signed_in['access']}")
    new = "a better battery staple"
    assert caller.post("/auth/password", {"current_password": PASSWORD, "new_password": new}).status_code == 204
    assert caller.post("/users/me/export", {"password": new}).status_code == 202
    assert caller.delete("/users/me", {"password": new}).status_code == 202
    sign_in_again = {"login": "alice", "password": new}
    assert api(None).post("/auth/token", sign_in_again, HTTP_USER_AGENT=FIREFOX).status_code == 200
    events = SecurityEvent.objects.owned_by(member.pk).order_by("id")
    assert kinds(member) == [
        Kind.NEW_DEVICE,
        Kind.PASSWORD_CHANGED,
        Kind.EXPORT_REQUESTED,
        Kind.DELETION_SCHEDULED,
        Kind.DELETION_CANCELLED,
    ]
    assert {event.user_agent for event in events} == {FIREFOX}


def test_password_reset_is_recorded_with_the_device(api, deliver, member):
    api(None).post("/auth/password/reset", {"email": member.email})
    deliver()
    token = re.search(r"token=(\S+)", mail.outbox[0].body)[1]
    body = {"token": token, "new_password": "a better battery staple"}
    assert api(None).post("/auth/password/reset/confirm", body, HTTP_USER_AGENT=SAFARI).status_code == 204
    deliver()
    assert mail.outbox[1].subject == "Your password was reset"
    assert "Safari on iPhone" in mail.outbox[1].body
