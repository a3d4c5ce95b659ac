"""The cookie of a browser's session: what it opens, and when it stops."""

import pytest
import time_machine
from django.conf import settings

from apps.accounts import services
from apps.accounts.models import Session
from tests.factories import PASSWORD
from tests.web.conftest import Browser, cookie_of

pytestmark = pytest.mark.django_db


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


@pytest.mark.parametrize("event", ["revoke", "suspend", "password"])
def test_session_ends_at_once(event, alice, mod, api):
    browser = sign_in("alice")
    assert browser.get("/").context["member"]
    if event == "revoke":
        services.end_all_sessions(alice.pk)
    elif event == "suspend":
        response = api(mod).post(f"/moderation/users/{alice.pk}/suspend", {"reason": "Spam.", "category": "spam"})
        assert response.status_code == 200
    else:
        services.change_password(alice, current=PASSWORD, new="another long pass phrase", session_id=alice.pk)
    response = browser.get("/")
    assert response.context["member"] is None
    assert browser.cookies[settings.WEB_SESSION_COOKIE].value == ""


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
