"""The cookie of a browser's session: what it opens, and when it stops."""

import datetime as dt
import re

import pytest
import time_machine
from django.conf import settings
from django.core import mail
from django.http import HttpResponse
from django.urls import reverse
from django.utils import timezone

from apps.accounts import mails, services, two_factor
from apps.accounts.models import Session, User
from apps.moderation import permissions, roles
from apps.web import sessions
from tests.accounts.test_console_sessions import revert_email
from tests.conftest import Caller, rolled_back
from tests.console import codes
from tests.factories import PASSWORD
from tests.moderation.people import make_moderator
from tests.web.conftest import Browser, cookie_of

pytestmark = pytest.mark.django_db
COOKIE = settings.WEB_SESSION_COOKIE
NEW = "quite another phrase"


def sign_in(handle: str, password: str = PASSWORD) -> Browser:
    browser = Browser()
    browser.post("/login", {"login": handle, "password": password, "next": "/"})
    return browser


def test_sign_in_opens_a_session_that_is_listed_among_the_devices(alice, api):
    browser = sign_in("alice")
    assert browser.get("/").context["member"]["handle"] == "alice"
    kinds = [row["kind"] for row in api(alice).get("/auth/sessions").json()["results"]]
    assert kinds.count("web") == 1


def test_cookie_is_http_only_and_lax(alice):
    cookie = sign_in("alice").cookies[settings.WEB_SESSION_COOKIE]
    assert cookie["httponly"]
    assert cookie["samesite"] == "Lax"


def test_wrong_password_shows_an_error_and_sets_no_cookie(alice):
    response = Browser().post("/login", {"login": "alice", "password": "wrong"})
    assert response.status_code == 401
    assert "Login or password is wrong." in response.content.decode()
    assert settings.WEB_SESSION_COOKIE not in response.cookies


def test_sign_out_ends_the_session(alice):
    browser = sign_in("alice")
    cookie = browser.cookies[settings.WEB_SESSION_COOKIE].value
    browser.post("/logout")
    browser.cookies[settings.WEB_SESSION_COOKIE] = cookie
    assert browser.get("/").context["member"] is None
    assert Session.objects.get(kind="web").end_reason == "signed_out"


# ── The ways to end ──────────────────────────────────────────────────────────────────────────────────────
# Each takes the account, and another browser that is signed in to it.
def revoke_each(mod, other):
    here = Caller(mod)
    for session in Session.objects.owned_by(mod.pk).exclude(pk=here.login.pk):
        assert here.post("/auth/revoke", {"session_id": str(session.pk)}).status_code == 204


def revoke_all(mod, other):
    assert Caller(mod).post("/auth/revoke", {"all": True}).status_code == 204


def end_in_the_settings(mod, other):
    [first, _] = Session.objects.filter(user=mod, kind="web").order_by("id")
    assert other.post(f"/settings/sessions/{first.pk}/end").status_code == 302
    assert is_signed_in(other)


def end_all_others_in_the_settings(mod, other):
    assert other.post("/settings/sessions/end-others").status_code == 302
    assert is_signed_in(other)


def suspend_and_undo(mod, other):
    services.suspend(mod, reason="Spam.")
    services.unsuspend(User.objects.get(pk=mod.pk))


def suspend(mod, other):
    services.suspend(mod, reason="Spam.")


def leave(mod, other):
    assert Caller(mod).delete("/users/me", {"password": PASSWORD}).status_code == 202


def leave_in_the_settings(mod, other):
    assert other.post("/settings/delete", {"password": PASSWORD}).status_code == 302


def deactivate_in_the_settings(mod, other):
    assert other.post("/settings/deactivate", {"password": PASSWORD}).status_code == 302


def erase(mod, other):
    services.erase_now(mod)


def change_password(mod, other):
    body = {"current_password": PASSWORD, "new_password": NEW}
    assert Caller(mod).post("/auth/password", body).status_code == 204


def change_password_in_the_settings(mod, other):
    fields = {"current_password": PASSWORD, "new_password": NEW}
    assert other.post("/settings/security", fields).status_code == 302
    assert is_signed_in(other)


def change_password_in_the_console(mod, other):
    body = {"old_password": PASSWORD, "new_password1": NEW, "new_password2": NEW}
    assert codes.sign_in(mod).post(reverse("admin:password_change"), body).status_code == 302


def reset_password(mod, other):
    mails.send_reset(mod.email, reference="1")
    token = re.search(r"token=([\w-]+)", mail.outbox[-1].body)[1]
    assert Browser().post("/reset-password", {"token": token, "new_password": NEW}).status_code == 302


# event: the recorded reason.
EVENTS = {
    revoke_each: "revoked",
    revoke_all: "revoked",
    end_in_the_settings: "revoked",
    end_all_others_in_the_settings: "revoked",
    suspend_and_undo: "suspended",
    suspend: "suspended",
    leave: "leaving",
    leave_in_the_settings: "leaving",
    deactivate_in_the_settings: "deactivated",
    erase: "erased",
    change_password: "password_changed",
    change_password_in_the_settings: "password_changed",
    change_password_in_the_console: "password_changed",
    reset_password: "password_reset",
    revert_email: "email_reverted",
}


def is_signed_in(browser):
    return browser.get("/settings").status_code == 200


@pytest.mark.promise("A1")
@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.__name__)
def test_event_ends_the_session_for_good(event, mod):
    cookie = cookie_of(mod)
    browser = Browser()
    browser.cookies[COOKIE] = cookie
    assert is_signed_in(browser)
    session = Session.objects.get(kind="web")
    event(mod, Browser(mod))
    session.refresh_from_db()
    assert (session.ended_at is not None, session.end_reason) == (True, EVENTS[event])
    assert not is_signed_in(browser)
    assert browser.cookies[COOKIE].value == ""
    # Whatever the account is later, the cookie is worthless.
    User.objects.filter(pk=mod.pk).update(state="active", erase_after=None, password=mod.password)
    browser.cookies[COOKIE] = cookie
    assert not is_signed_in(browser)
    assert is_signed_in(sign_in("mod"))


def test_every_reason_is_in_the_table():
    # Sign-out has a test of its own; the others end sessions of the API, or of the console.
    others = {"signed_out", "token_reused", "dismissed", "two_factor_reset"}
    assert set(EVENTS.values()) == set(Session.EndReason.values) - others


def dismiss(mod):
    assert roles.dismiss(mod)


def leave_the_group(mod):
    mod.groups.clear()


def reset_two_factor(mod):
    permissions.reset_two_factor(mod, by=make_moderator("root", "admin"), reason="Lost.")


def enrol_two_factor(mod):
    permissions.enrol(mod, code=codes.code_of(two_factor.begin(mod)))


@pytest.mark.parametrize("event", [dismiss, leave_the_group, reset_two_factor, enrol_two_factor])
def test_session_without_its_rank_is_a_member_s(event, mod, settings):
    settings.STAFF_TWO_FACTOR = "required" if event is reset_two_factor else "optional"
    browser = Browser()
    if event is reset_two_factor:
        device, _ = codes.enrol(mod)
        proof = browser.post("/login", {"login": "mod", "password": PASSWORD}).context["form"]["proof"]
        browser.post("/login", {"proof": proof, "code": codes.code_of(device)})
    else:
        browser = sign_in("mod")
    assert browser.get("/settings").context["member"]["is_moderator"]
    event(mod)
    assert not browser.get("/settings").context["member"]["is_moderator"]


def test_session_ends_after_its_lifetime(alice):
    cookie = cookie_of(alice)
    for days, is_live in ((29, True), (31, False)):
        browser = Browser()
        browser.cookies[COOKIE] = cookie
        # Each use extends the session, which is undone.
        with time_machine.travel(timezone.now() + dt.timedelta(days=days)), rolled_back():
            assert is_signed_in(browser) is is_live


def test_cookie_of_another_account_or_kind_of_session_opens_nothing(alice, bob):
    session = services.open_session(bob)
    for user_id, session_id in ((alice.pk, session.pk), (bob.pk, alice.pk)):
        response = HttpResponse()
        sessions.set_cookie(response, user_id, session_id)
        browser = Browser()
        browser.cookies[COOKIE] = response.cookies[COOKIE].value
        assert not is_signed_in(browser)


@pytest.mark.parametrize("cookie", ["", "x", "a.b:c:d", "0" * 50])
def test_malformed_cookie_is_anonymous(cookie, db):
    browser = Browser()
    browser.cookies[settings.WEB_SESSION_COOKIE] = cookie
    assert browser.get("/").context["member"] is None


def test_api_does_not_accept_the_cookie(alice):
    assert Browser(alice).get("/v1/feed").status_code == 401


def test_scripts_need_the_csrf_token(alice):
    browser = Browser(alice, enforce_csrf_checks=True)
    body = {"content_type": "image/jpeg", "bytes": 1000}
    assert browser.post("/web/uploads", body, content_type="application/json").status_code == 403
    token = browser.get("/").cookies["csrftoken"].value
    headers = {"X-CSRFToken": token}
    assert browser.post("/web/uploads", body, content_type="application/json", headers=headers).status_code == 201


def test_old_cookie_is_renewed_and_extends_the_session(alice):
    with time_machine.travel("2026-11-01T12:00:00Z", tick=False):
        cookie = cookie_of(alice)
        session = Session.objects.get(kind="web")
    with time_machine.travel("2026-11-03T12:00:00Z", tick=False):
        browser = Browser()
        browser.cookies[settings.WEB_SESSION_COOKIE] = cookie
        response = browser.get("/")
        assert response.cookies[settings.WEB_SESSION_COOKIE].value != cookie
        before = session.expires_at
        session.refresh_from_db()
        assert session.expires_at > before
