"""Changing the handle and the e-mail address, and taking an account back, in Chromium."""

import re

import pytest
from django.core import mail
from django.utils import timezone
from playwright.sync_api import expect

from apps.accounts import security
from apps.accounts.models import SecurityEvent, User
from tests.factories import PASSWORD, UserFactory
from tests.web.browser.conftest import DESKTOP, PHONE
from tests.web.browser.test_account import faults_of

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]


def link_to(address):
    bodies = [message.body for message in mail.outbox if message.to == [address]]
    return re.search(r"/[a-z-]+\?token=[\w-]+", bodies[-1])[0]


@pytest.mark.parametrize(("size", "scripts"), [(PHONE, True), (DESKTOP, False)], ids=["phone", "without-scripts"])
def test_member_changes_handle_and_address_and_the_old_address_takes_the_account_back(site, deliver, size, scripts):
    UserFactory(handle="emil", email_verified_at=timezone.now())
    emil, wrong = User.objects.get(), {}
    page, mailbox = site.open(emil, size=size, java_script_enabled=scripts), site.open(size=size)

    def check(page, name):
        expect(page.locator("h1")).to_have_count(1)
        if scripts:
            wrong.update(faults_of(page, name))

    page.goto("/settings/account")
    check(page, "/settings/account")
    page.get_by_label("Handle").fill("emilia")
    page.get_by_role("button", name="Change the handle").click()
    expect(page.get_by_text("Your handle is changed.")).to_be_visible()
    page.get_by_label("New e-mail address").fill("new@example.org")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Change the address").click()
    expect(page.get_by_text("Your address changes when you open the link in it.")).to_be_visible()
    check(page, "/settings/account-pending")
    deliver()
    mailbox.goto(link_to("new@example.org"))
    check(mailbox, "/confirm-new-email")
    mailbox.get_by_role("button", name="Use this address").click()
    expect(mailbox.get_by_text("Your e-mail address is changed.")).to_be_visible()
    page.goto("/settings/security/events")
    expect(page.get_by_text("Your e-mail address was changed")).to_be_visible()
    expect(page.get_by_text("@emil → @emilia")).to_be_visible()
    check(page, "/settings/security/events")
    deliver()
    mailbox.goto(link_to("emil@example.org"))
    check(mailbox, "/revert-email")
    mailbox.get_by_label("New password").fill("a better battery staple")
    mailbox.get_by_role("button", name="Take my account back").click()
    expect(mailbox.get_by_text("The account is yours again.")).to_be_visible()
    page.goto("/settings/account")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    emil.refresh_from_db()
    assert (emil.email, emil.handle) == ("emil@example.org", "emilia")
    site.expected += ["400"]
    mailbox.goto("/revert-email?token=x")
    check(mailbox, "/revert-email-invalid")
    assert wrong == {}


def test_list_of_security_events_grows(site):
    emil = UserFactory(handle="emil")
    for number in range(31):
        security.record(emil, SecurityEvent.Kind.PASSKEY_ADDED, detail=f"Key {number}")
    page = site.open(emil)
    page.goto("/settings/security")
    page.get_by_role("link", name="Show all").click()
    expect(page.get_by_text("Key 30", exact=False)).to_be_visible()
    page.mouse.wheel(0, 10_000)
    expect(page.get_by_text("Key 0")).to_be_visible()
