"""Second factors on the pages, without JavaScript: signing in, setup, removal, confirmation of the identity."""

import json
import re
from datetime import timedelta

import pytest
from django.utils import timezone
from django_otp.plugins.otp_totp.models import TOTPDevice

from apps.accounts import passkeys, two_factor
from apps.accounts.models import Passkey, Session
from tests.authenticator import Authenticator, add_passkey
from tests.console.codes import code_of, enrol
from tests.factories import PASSWORD
from tests.web.conftest import Browser
from tests.web.forms import PlainBrowser

pytestmark = pytest.mark.django_db
SECURITY = "/settings/security"


def shown_codes(page):
    return re.findall(r"<code>((?:[a-z2-9]{4}-){3}[a-z2-9]{4})</code>", page.html)


def age_sessions():
    Session.objects.update(created_at=timezone.now() - timedelta(hours=1))


def test_member_sets_up_an_app_signs_in_with_a_code_and_removes_it(alice):
    browser = PlainBrowser(alice)
    browser.open(SECURITY)
    page = browser.press_link("Set up an app")
    assert 'src="data:image/svg+xml' in page.html
    browser.press("Turn on", code="000000", status=400)
    device = TOTPDevice.objects.get()
    browser.press("Turn on", code=code_of(device, steps=-1))
    codes = shown_codes(browser.page)
    assert len(codes) == 10
    assert "10 recovery codes are left." in browser.press_link("I have saved the codes").text
    fresh = PlainBrowser()
    fresh.open("/login?next=/explore")
    fresh.press("Sign in", login="alice", password=PASSWORD)
    fresh.press("Continue", code="000000", status=400)
    assert "That code is wrong" in fresh.page.text
    fresh.press("Continue", code=code_of(device))
    assert fresh.url == "/explore"
    lost = PlainBrowser()
    lost.open("/login")
    lost.press("Sign in", login="alice", password=PASSWORD)
    lost.press("Continue", code=codes[0])
    assert lost.url == "/"
    browser.open(SECURITY)
    browser.press("Make new codes")
    assert not set(shown_codes(browser.page)) & set(codes)
    browser.open(SECURITY)
    assert "The authenticator app is removed." in browser.press("Remove the app").text
    assert not two_factor.is_enrolled(alice)


def test_old_session_confirms_the_identity_first(alice):
    device, _ = enrol(alice)
    browser = PlainBrowser(alice)
    for button, values, status in [
        ("Continue with the password", {"password": PASSWORD}, 403),
        ("Continue with the code", {"code": code_of(device)}, 400),
    ]:
        age_sessions()
        Session.objects.update(confirmed_at=None)
        browser.open("/settings/security/passkeys/new")
        assert browser.url.startswith("/settings/security/confirm")
        browser.press(button, status=status, **dict.fromkeys(values, "wrong"))
        browser.press(button, **values)
        assert browser.url == "/settings/security/passkeys/new"
    age_sessions()
    Session.objects.update(confirmed_at=None)
    browser.open(SECURITY)
    browser.press("Remove the app")
    assert browser.url.startswith("/settings/security/confirm")
    assert two_factor.is_enrolled(alice)


def test_passkey_signs_in_is_a_second_factor_is_renamed_and_removed(alice):
    """With what the script fills into the forms."""
    browser, authenticator = Browser(alice), Authenticator()
    ceremony = browser.post("/web/passkeys/options", {}, content_type="application/json").json()
    fields = {
        "challenge": ceremony["challenge"],
        "passkey": json.dumps(authenticator.create(ceremony["options"])),
        "name": "Laptop",
    }
    assert "Recovery codes" in browser.post("/settings/security/passkeys/new", fields).text
    passkey = Passkey.objects.get()
    anonymous = Browser()
    ceremony = anonymous.post("/web/passkey-options", {}, content_type="application/json").json()
    answer = {
        "challenge": ceremony["challenge"],
        "passkey": json.dumps(authenticator.get(ceremony["options"])),
        "next": "/explore",
    }
    assert anonymous.post("/login", answer).headers["Location"] == "/explore"
    assert Browser().post("/login", answer).status_code == 400
    second = Browser().post("/login", {"login": "alice", "password": PASSWORD})
    options = json.loads(second.context["passkey_options"])
    answer = {"proof": second.context["form"]["proof"], "passkey": json.dumps(authenticator.get(options)), "next": "/"}
    assert Browser().post("/login", answer).status_code == 302
    assert Browser().post("/login", answer).status_code == 400
    plain = PlainBrowser(alice)
    plain.open(SECURITY)
    plain.press_link("Change Laptop")
    plain.press("Save", name="Phone")
    assert plain.url == SECURITY
    plain.press_link("Change Phone")
    assert "The passkey is removed." in plain.press("Remove the passkey").text
    assert not Passkey.objects.filter(pk=passkey.pk).exists()


@pytest.mark.parametrize("passkey", ["", "x", "[]", "{}", "null", '{"id": 1}', "\0"])
def test_malformed_passkey_is_refused(passkey, alice):
    add_passkey(alice)
    second = Browser().post("/login", {"login": "alice", "password": PASSWORD})
    proof = second.context["form"]["proof"]
    challenge = passkeys.begin().challenge
    for fields in ({"challenge": challenge}, {"proof": proof}):
        response = Browser().post("/login", {"passkey": passkey, "next": "/"} | fields)
        assert response.status_code == 400
    assert Browser(alice).post("/settings/security/passkeys/new", {"passkey": passkey}).status_code == 400


def test_staff_session_keeps_its_role_after_setup(mod):
    browser = Browser(mod)
    browser.get("/settings/security/app")
    browser.post("/settings/security/app", {"code": code_of(TOTPDevice.objects.get())})
    assert browser.get("/settings").context["member"]["is_moderator"]
