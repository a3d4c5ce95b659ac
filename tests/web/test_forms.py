"""What holds for every page and form: CSRF protection, methods, sizes, and texts that are no markup."""

import re

import pytest
from django.conf import settings
from django.urls import reverse

from apps.accounts import services
from apps.accounts.models import User
from apps.web import script_urls, urls
from tests.factories import PASSWORD, BlockFactory, UserFactory
from tests.web.conftest import Browser

pytestmark = pytest.mark.django_db
ID = "019ab8a4-6c1e-7d3f-9a51-3f5c0e7b2d10"
# A value for each parameter of a path.
PARAMETERS = {
    "handle": "alice",
    "tag": "husum",
    "action": "follow",
    "answer": "accept",
    "kind": "blocked",
    "section": "people",
}
HOSTILE = """"><img src=x onerror=alert(1)>'{{ 7*7 }}</textarea></script><b>"""


def paths():
    """A path of each route."""
    for pattern in urls.urlpatterns:
        names = getattr(pattern.pattern, "converters", None) or pattern.pattern.regex.groupindex
        yield reverse(f"web:{pattern.name}", kwargs={name: PARAMETERS.get(name, ID) for name in names})


def script_paths():
    return ["/web/" + re.sub(r"<\w+:\w+>", ID, str(pattern.pattern)) for pattern in script_urls.urlpatterns]


# The token in the link of a mail authorises it; mail programs send no cookie.
WITHOUT_CSRF = {"/moderation-digest/stop"}


@pytest.mark.parametrize("path", [path for path in [*paths(), *script_paths()] if path not in WITHOUT_CSRF])
def test_every_post_needs_the_csrf_token(path, alice):
    for browser in (Browser(alice, enforce_csrf_checks=True), Browser(enforce_csrf_checks=True)):
        response = browser.post(path, {"csrfmiddlewaretoken": "x" * 64})
        assert response.status_code == 403
        if not path.startswith("/web/"):
            assert "This page is out of date." in response.content.decode()


def test_form_with_its_token_is_accepted(alice):
    browser = Browser(alice, enforce_csrf_checks=True)
    page = browser.get("/settings/profile").content.decode()
    token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page)[1]
    fields = {"display_name": "A", "csrfmiddlewaretoken": token}
    assert browser.post("/settings/profile", fields).status_code == 302
    assert browser.post("/settings/profile", fields, headers={"Origin": "https://evil.example"}).status_code == 403


def test_refused_csrf_token_of_an_htmx_request_is_a_message(alice):
    response = Browser(alice, enforce_csrf_checks=True).htmx("post", f"/p/{ID}/like")
    assert response.status_code == 403
    assert "out of date" in response.headers["HX-Trigger"]


def test_console_keeps_its_own_page_for_a_refused_token(client):
    client.handler.enforce_csrf_checks = True
    response = client.post("/admin/login/")
    assert response.status_code == 403
    assert "CSRF verification failed" in response.content.decode()


@pytest.mark.parametrize("path", list(paths()))
def test_unknown_method_is_a_page_that_names_the_methods(path, alice):
    response = Browser(alice).delete(path)
    assert response.status_code == 405
    assert "GET" in response.headers["Allow"] or response.headers["Allow"] == "POST"
    assert response.headers["Content-Type"].startswith("text/html")
    assert "<h1>" in response.content.decode()


@pytest.mark.parametrize("path", ["/login", "/join", "/settings/profile", "/logout"])
def test_large_body_is_a_page(path, alice):
    response = Browser(alice).post(path, {"bio": "x" * settings.REQUEST_MAX_BYTES})
    assert response.status_code == 413
    assert "<h1>" in response.content.decode()


def test_too_many_fields_are_a_page(alice):
    response = Browser(alice).post("/settings/notifications", {f"field{number}": "on" for number in range(1001)})
    assert response.status_code == 400
    assert "<h1>" in response.content.decode()


# ── Texts ────────────────────────────────────────────────────────────────────────────────────────────────
def assert_harmless(response):
    body = response.content.decode()
    assert response.status_code < 500
    assert "<img src=x" not in body
    assert "49" not in re.findall(r"onerror=alert\(1\)&gt;(?:&#x27;|&#39;)(\d+)", body)


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        ("/login", ["login", "password", "next", "proof", "code"]),
        ("/login", ["login", "password", "next"]),
        ("/join", ["handle", "email", "display_name", "password", "next"]),
        ("/forgot", ["email"]),
        ("/reset-password", ["token", "new_password"]),
        ("/confirm-email", ["token"]),
        ("/settings/profile", ["display_name", "bio", "website"]),
        ("/settings/account", ["locale"]),
        ("/settings/security", ["current_password", "new_password"]),
        ("/settings/appearance", ["theme", "show_sensitive"]),
        ("/settings/notifications", ["like.push", HOSTILE]),
        ("/settings/export", ["password"]),
        ("/settings/delete", ["password"]),
    ],
)
def test_typed_markup_is_text(path, fields, alice):
    browser = Browser(alice if path.startswith("/settings") else None)
    typed = dict.fromkeys(fields, HOSTILE)
    assert_harmless(browser.post(path, typed))
    assert_harmless(browser.get(path, typed))


def test_stored_markup_is_text(alice, bob):
    User.objects.filter(pk=alice.pk).update(
        display_name=HOSTILE[:50], bio=HOSTILE, website="https://a.example/" + HOSTILE
    )
    User.objects.filter(pk=bob.pk).update(display_name=HOSTILE[:50])
    BlockFactory(blocker=alice, blocked=bob)
    services.open_session(alice, device_name=HOSTILE, user_agent=HOSTILE)
    services.open_session(alice, user_agent=HOSTILE)
    browser = Browser(alice)
    pages = ["", "/profile", "/account", "/sessions", "/blocked", "/muted", "/security", "/privacy", "/export"]
    for page in pages:
        assert_harmless(browser.get(f"/settings{page}"))
    assert "onerror=alert(1)&gt;" in browser.get("/settings/sessions").content.decode()
    assert "onerror=alert(1)&gt;" in browser.get("/settings/profile").content.decode()


def test_markup_in_the_reason_of_a_suspension_is_text(alice):
    services.suspend(alice, reason=HOSTILE)
    response = Browser().post("/login", {"login": "alice", "password": PASSWORD}, follow=True)
    assert_harmless(response)
    assert "onerror=alert(1)&gt;" in response.content.decode()


def test_markup_in_messages_is_text():
    UserFactory(handle="eve")
    browser = Browser()
    browser.post("/join", {"handle": "mallet", "email": '"<img>"@example.org', "password": PASSWORD})
    assert "<img>" not in browser.get("/").content.decode()
