"""Passkeys in Chromium with its virtual authenticator: enrol, sign in, second step, confirm, remove."""

from contextlib import contextmanager
from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from apps.accounts.models import Passkey, Session
from tests.authenticator import add_passkey
from tests.console.codes import enrol
from tests.factories import PASSWORD, UserFactory
from tests.web.browser.conftest import DESKTOP, PHONE
from tests.web.browser.test_account import faults_of

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]


@pytest.fixture(autouse=True)
def _passkeys_of_the_live_server(settings, live_server):
    settings.PASSKEY_DOMAIN = "localhost"
    settings.PASSKEY_ORIGINS = [live_server.url]


@contextmanager
def virtual_authenticator(page):
    """An authenticator in the device that verifies its user without asking. Yields the CDP session and its id."""
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
    }
    yield session, session.send("WebAuthn.addVirtualAuthenticator", {"options": options})["authenticatorId"]
    session.detach()


def sign_out(page):
    page.goto("/logout")
    page.get_by_role("main").get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("link", name="Sign in").first).to_be_visible()


def test_member_adds_a_passkey_signs_in_with_it_confirms_and_removes_it(site):
    alice = UserFactory(handle="alice")
    page = site.open(alice)
    with virtual_authenticator(page) as (session, authenticator):
        page.goto("/settings/security")
        page.get_by_role("link", name="Add a passkey").click()
        page.get_by_label("Name").fill("Laptop")
        page.get_by_role("button", name="Create the passkey").click()
        expect(page.get_by_role("heading", name="Recovery codes")).to_be_visible()
        page.get_by_role("link", name="I have saved the codes").click()
        expect(page.get_by_role("link", name="Change Laptop")).to_be_visible()
        # A device has one passkey for an account.
        page.goto("/settings/security/passkeys/new")
        page.get_by_role("button", name="Create the passkey").click()
        expect(page.get_by_text("has a passkey for your account already")).to_be_visible()
        sign_out(page)
        # Alone.
        page.goto("/login?next=/settings/security")
        page.get_by_role("button", name="Sign in with a passkey").click()
        expect(page.get_by_role("heading", name="Security", level=1)).to_be_visible()
        sign_out(page)
        # After the password.
        page.goto("/login?next=/settings/security")
        page.get_by_label("Handle or e-mail address").fill("alice")
        page.get_by_label("Password", exact=True).fill(PASSWORD)
        page.get_by_role("button", name="Sign in", exact=True).click()
        page.get_by_role("button", name="Use a passkey").click()
        expect(page.get_by_role("heading", name="Security", level=1)).to_be_visible()
        # To confirm the identity in an old session.
        Session.objects.update(created_at=timezone.now() - timedelta(hours=1))
        page.goto("/settings/security/passkeys/new")
        page.get_by_role("button", name="Use a passkey").click()
        expect(page.get_by_role("heading", name="Add a passkey")).to_be_visible()
        page.goto("/settings/security")
        page.get_by_role("link", name="Change Laptop").click()
        page.get_by_role("button", name="Remove the passkey").click()
        expect(page.get_by_text("The passkey is removed.")).to_be_visible()
        assert not Passkey.objects.exists()
        sign_out(page)
        # The key is still on the device.
        site.expected.append("400")
        page.goto("/login")
        page.get_by_role("button", name="Sign in with a passkey").click()
        expect(page.get_by_text("That passkey was not accepted.")).to_be_visible()
        # Without a key there is none to use.
        session.send("WebAuthn.clearCredentials", {"authenticatorId": authenticator})
        session.send("WebAuthn.setUserVerified", {"authenticatorId": authenticator, "isUserVerified": False})
        page.get_by_role("button", name="Sign in with a passkey").click()
        expect(page.get_by_text("No passkey was used.")).to_be_visible()


@pytest.mark.parametrize("size", [PHONE, DESKTOP], ids=["phone", "desktop"])
def test_pages_of_second_factors_fit_and_are_accessible(site, size):
    """The states that the table of all pages does not have."""
    alice = UserFactory(handle="alice")
    enrol(alice)
    add_passkey(alice, name="A name of a passkey that is as long as it may be")
    page = site.open(alice, size=size)
    wrong = {}
    page.goto("/settings/security")
    wrong |= faults_of(page, "/settings/security-enabled")
    page.get_by_role("button", name="Make new codes").click()
    expect(page.get_by_role("heading", name="Recovery codes")).to_be_visible()
    wrong |= faults_of(page, "/settings/security/recovery-codes")
    page.goto("/settings/security/confirm")
    wrong |= faults_of(page, "/settings/security/confirm")
    sign_out(page)
    page.goto("/login")
    page.get_by_label("Handle or e-mail address").fill("alice")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Use a passkey")).to_be_visible()
    wrong |= faults_of(page, "/login-second-step")
    assert wrong == {}
