"""What attackers and damaged clients send to pages, and what browsers and caches must not keep."""

import datetime as dt
from urllib.parse import urlencode

import pytest
import time_machine
from django.conf import settings
from django.contrib.messages.storage.cookie import CookieStorage
from django.db import OperationalError
from django.test import RequestFactory
from django.utils import timezone

from apps.accounts import services, session_cache
from apps.accounts.models import Session
from apps.core import limits
from apps.web.http import safe_path
from tests.conftest import Caller, rolled_back
from tests.console import codes
from tests.factories import PASSWORD, CommentFactory, LikeFactory, PostFactory
from tests.web.conftest import Browser, cookie_of

pytestmark = pytest.mark.django_db
COOKIE = settings.WEB_SESSION_COOKIE


# ── Redirects lead to pages of this site ─────────────────────────────────────────────────────────────────
ELSEWHERE = [
    "//evil.example",
    "///evil.example",
    "////evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "/\t/evil.example",
    "/\n/evil.example",
    "\t//evil.example",
    " //evil.example",
    "\0//evil.example",
    "https://evil.example",
    "https:evil.example",
    "https:///evil.example",
    "http://testserver@evil.example/",
    "http://testserver:80@evil.example/",
    "http://testserver.evil.example/",
    "http://testserver//evil.example",
    "http://testserver/\\evil.example",
    "http://[evil.example",
    "javascript:alert(1)",
    "data:text/html,x",
    "evil.example",
    # `redirect` takes these for names of views.
    "web:login",
    "foo",
    "?q=a",
    "#a",
    "",
]
HERE = {
    "/": "/",
    "/search?q=a#b": "/search?q=a#b",
    "http://testserver/p/1?a=b": "/p/1?a=b",
    # Browsers do not decode paths.
    "/%09/evil.example": "/%09/evil.example",
    "/%2F/evil.example": "/%2F/evil.example",
}


@pytest.mark.parametrize("url", ELSEWHERE)
def test_address_of_another_site_is_not_followed(url, alice):
    assert safe_path(RequestFactory().get("/"), url, "/explore") == "/explore"
    assert Browser(alice).get("/login", {"next": url}).headers["Location"] == "/"


@pytest.mark.parametrize("url", HERE)
def test_address_of_this_site_is_followed(url, alice):
    assert safe_path(RequestFactory().get("/"), url) == HERE[url]
    assert Browser(alice).get("/login", {"next": url}).headers["Location"] == HERE[url]


@pytest.mark.parametrize("referrer", ["https://evil.example/", "//evil.example", "/\\evil.example", "foo"])
def test_form_does_not_lead_back_to_another_site(referrer, alice):
    post = PostFactory(author=alice)
    headers = {"Referer": referrer}
    assert Browser(alice).post(f"/p/{post.pk}/like", headers=headers).headers["Location"] == f"/p/{post.pk}"
    assert Browser().post(f"/p/{post.pk}/like", headers=headers).headers["Location"] == "/login?next=%2F"


@pytest.mark.parametrize(("to", "header"), [("/a\nb", "/ab"), ("/é", "/%C3%A9"), ("/a b", "/a%20b"), ("/\0", "/%00")])
def test_redirect_of_htmx_is_a_valid_header(to, header, alice):
    response = Browser().htmx("post", "/login", {"login": "alice", "password": PASSWORD, "next": to})
    assert response.status_code == 204
    assert response.headers["HX-Redirect"] == header


def test_host_of_another_site_is_refused():
    response = Browser().get("/login", headers={"Host": "evil.example"})
    assert response.status_code == 400


# ── Sessions ─────────────────────────────────────────────────────────────────────────────────────────────
def test_sign_in_replaces_the_session_and_the_csrf_token(alice, bob):
    browser = Browser(bob)
    browser.get("/settings")
    cookies = {name: browser.cookies[name].value for name in (COOKIE, settings.CSRF_COOKIE_NAME)}
    browser.post("/login", {"login": "alice", "password": PASSWORD})
    browser.get("/settings")
    assert all(browser.cookies[name].value != value for name, value in cookies.items())
    assert Session.objects.get(user=bob, kind="web").end_reason == "signed_out"


def test_cookie_of_pages_does_not_open_the_console_nor_the_other_way_round(mod):
    assert Browser(mod).get("/admin/").status_code == 302
    browser = codes.sign_in(mod)
    assert browser.get("/admin/").status_code == 200
    assert browser.get("/settings").headers["Location"] == "/login?next=%2Fsettings"


def test_page_of_another_member_does_not_act_for_the_one_who_is_signed_in(alice, bob):
    browser = Browser(bob)
    assert browser.get("/web/unread", headers={"X-Member": str(bob.pk)}).status_code == 200
    assert browser.get("/web/unread", headers={"X-Member": str(alice.pk)}).status_code == 401
    assert Browser().get("/web/search/tags?q=a", headers={"X-Member": str(alice.pk)}).status_code == 401


def test_message_that_was_not_shown_goes_with_the_session(alice):
    browser = Browser(alice)
    browser.post("/confirm-email/resend")
    assert browser.cookies[CookieStorage.cookie_name].value
    browser.post("/logout")
    assert alice.email not in browser.get("/").content.decode()


# ── What is stored ───────────────────────────────────────────────────────────────────────────────────────
def private_responses(alice):
    post = PostFactory(author=alice)
    browser, strict = Browser(alice), Browser(alice, enforce_csrf_checks=True)
    yield from (
        browser.get(path) for path in ("/", "/settings", f"/p/{post.pk}", "/@alice", f"/p/{alice.pk}", "/nowhere")
    )
    yield from (browser.get(path) for path in ("/web/unread", f"/web/posts/{post.pk}", f"/web/posts/{alice.pk}"))
    yield from (browser.htmx("get", path) for path in (f"/refresh/posts?ids={post.pk}", f"/p/{post.pk}/state"))
    yield from (browser.post(path) for path in (f"/p/{post.pk}/like", "/settings/profile", "/explore", "/logout"))
    yield strict.post("/settings/profile")
    yield Browser().get("/settings")
    yield Browser(alice).post("/settings/profile", {f"f{n}": "" for n in range(2000)})


def test_no_response_to_a_member_is_stored(alice):
    found = [
        (
            response.request["PATH_INFO"],
            response.status_code,
            response.headers["Cache-Control"],
            "ETag" in response.headers,
        )
        for response in private_responses(alice)
    ]
    assert [row for row in found if row[2:] != ("private, no-store", False)] == []
    assert {200, 302, 400, 403, 404, 405} == {row[1] for row in found}


SHARED = ["/robots.txt", "/sitemap.xml", "/manifest.webmanifest", "/favicon.ico", "/sw.js", "/@alice/feed.atom"]


@pytest.mark.parametrize("path", SHARED)
def test_response_for_everybody_contains_no_cookie(path, alice):
    for cookie in (cookie_of(alice), "expired"):
        browser = Browser()
        browser.cookies[COOKIE] = cookie
        # The next page renews the cookie, or deletes it.
        with time_machine.travel(timezone.now() + dt.timedelta(days=2)), rolled_back():
            response = browser.get(path)
            assert response.cookies == {}
            assert "private" not in response.headers["Cache-Control"]
            assert COOKIE in browser.get("/about").cookies


def test_pages_send_their_origin():
    """With "no-referrer" browsers send `Origin: null`, which Django refuses as a forged request."""
    assert settings.SECURE_REFERRER_POLICY == "same-origin"
    templates = [
        path for path in (settings.BASE_DIR / "templates").rglob("*.html") if "no-referrer" in path.read_text()
    ]
    assert templates == []


# ── Private content ──────────────────────────────────────────────────────────────────────────────────────
def test_private_post_is_nowhere_to_be_seen(alice, carol, bob):
    alice.is_private = True
    alice.save()
    secret = "lighthouse"
    post = PostFactory(author=alice, visibility="followers", caption=f"{secret} #husum", photos=1)
    comment = CommentFactory(post=post, author=bob, text=secret)
    LikeFactory(post=post, user=bob)
    hidden = {
        f"/p/{post.pk}": 404,
        f"/p/{post.pk}?show=1": 404,
        f"/p/{post.pk}/comments/{comment.pk}": 404,
        f"/p/{post.pk}/edit": 404,
        f"/p/{post.pk}/delete": 404,
        f"/report?type=post&id={post.pk}": 404,
        f"/report?type=comment&id={comment.pk}": 404,
        f"/oembed?url={settings.PUBLIC_URL}/p/{post.pk}": 404,
        "/@alice/followers": 404,
        "/@alice/feed.atom": 404,
        f"/p/{post.pk}/state": 404,
        f"/p/{post.pk}/likes": 404,
        f"/web/posts/{post.pk}": 404,
    }
    open_ = [f"/refresh/posts?ids={post.pk}", "/tags/husum", "/tags/husum/feed.atom", "/explore", "/@alice"]
    open_ += [
        "/sitemap-posts.xml",
        f"/search?q={secret}&type=posts",
        "/search?q=husum&type=tags",
        "/web/search/tags?q=husum",
    ]
    for viewer in (carol, None):
        browser = Browser(viewer)
        for path, status in hidden.items():
            response = browser.get(path)
            is_login = viewer is None and response.status_code == 302 and "/login" in response.headers["Location"]
            assert response.status_code == status or is_login, path
            assert secret not in response.content.decode()
        for path in open_:
            response = browser.get(path)
            assert response.status_code in {200, 401}, path
            content = response.content.decode().replace(f"q={secret}", "").replace(f'value="{secret}"', "")
            content = content.replace(f"“{secret}”", "")
            assert secret not in content, path
            assert str(post.pk) not in content, path


def test_old_page_of_a_blocked_member_changes_nothing(alice, mallory):
    post = PostFactory(author=alice)
    comment = CommentFactory(post=post, author=alice)
    browser = Browser(mallory)
    for path in [
        f"/p/{post.pk}/like",
        f"/p/{post.pk}/save",
        f"/p/{post.pk}/comments/{comment.pk}/like",
        f"/p/{post.pk}/comments/{comment.pk}/delete",
        f"/p/{post.pk}/delete",
        f"/p/{post.pk}/edit",
        "/@alice/follow",
        f"/report?type=post&id={post.pk}",
    ]:
        assert browser.post(path).status_code == 404, path
        assert browser.htmx("post", path).headers["HX-Reswap"] == "none", path
    assert browser.post(f"/p/{post.pk}/comments", {"text": "Hello"}).status_code == 404
    assert browser.get(f"/p/{post.pk}").status_code == 404


@pytest.mark.parametrize("end", [lambda user: services.suspend(user, reason="Spam."), services.erase_now])
def test_old_page_of_an_inactive_member_leads_to_sign_in(end, alice, bob):
    post = PostFactory(author=alice)
    browser = Browser(bob)
    end(bob)
    response = browser.htmx("post", f"/p/{post.pk}/like")
    assert response.headers["HX-Redirect"].startswith("/login")
    assert browser.post(f"/p/{post.pk}/comments", {"text": "Hello"}).headers["Location"].startswith("/login")
    assert browser.post("/web/push-subscriptions", {}, content_type="application/json").status_code == 401


# ── Limits ───────────────────────────────────────────────────────────────────────────────────────────────
# page, form, operation, method, body
CREDENTIALS = {"current_password": "x", "new_password": "another long phrase"}
ADDRESS = {"email": "new@example.com", "password": "x"}
PERSON = {"handle": "new", "email": "new@example.com", "password": "a long phrase"}
LIMITED = [
    (
        "/login",
        {"login": "bob", "password": "x"},
        "post",
        "/auth/token",
        {"grant_type": "password", "login": "bob", "password": "x"},
    ),
    ("/join", PERSON, "post", "/users", PERSON),
    ("/forgot", {"email": "a@example.com"}, "post", "/auth/password/reset", {"email": "a@example.com"}),
    (
        "/reset-password",
        {"token": "x", "new_password": "y"},
        "post",
        "/auth/password/reset/confirm",
        {"token": "x", "new_password": "y"},
    ),
    ("/confirm-email", {"token": "x"}, "post", "/auth/email/confirm", {"token": "x"}),
    ("/confirm-email/resend", {}, "post", "/auth/email/resend", {}),
    ("/confirm-new-email", {"token": "x"}, "post", "/auth/email/change/confirm", {"token": "x"}),
    (
        "/revert-email",
        {"token": "x", "new_password": "y"},
        "post",
        "/auth/email/revert",
        {"token": "x", "new_password": "y"},
    ),
    ("/settings/account/email", ADDRESS, "post", "/auth/email/change", ADDRESS),
    ("/settings/security", CREDENTIALS, "post", "/auth/password", CREDENTIALS),
    ("/settings/export", {"password": "x"}, "post", "/users/me/export", {"password": "x"}),
    ("/settings/delete", {"password": "x"}, "delete", "/users/me", {"password": "x"}),
]


@pytest.mark.parametrize(("page", "form", "method", "path", "body"), LIMITED, ids=[row[0] for row in LIMITED])
def test_page_has_the_limits_of_the_api(page, form, method, path, body, alice, bob, monkeypatch):
    counted = []
    count_request = limits.count_request

    def record(scope, caller, **options):
        if scope not in {"read", "write", "anonymous"}:
            counted.append((scope, caller))
        return count_request(scope, caller, **options)

    monkeypatch.setattr(limits, "count_request", record)
    user = alice if page.startswith("/settings") or page.endswith("resend") else None
    with rolled_back():
        getattr(Caller(user), method)(path, body)
    expected = counted.copy()
    counted.clear()
    Browser(user).post(page, form)
    assert expected
    assert counted == expected


def test_reports_are_limited(alice, bob, settings):
    settings.RATE_LIMITS_ENABLED = True
    settings.RATE_LIMITS = settings.RATE_LIMITS | {"flag": (1, 3600)}
    post = PostFactory(author=alice)
    browser = Browser(bob)
    codes_ = [browser.post(f"/report?type=post&id={post.pk}", {"category": "spam"}).status_code for _ in range(2)]
    assert codes_ == [200, 429]


# ── Malformed input is refused with 4xx ──────────────────────────────────────────────────────────────────
# Percent-encoded, because most are not UTF-8.
HOSTILE = {
    "NUL": "a%00b",
    "not UTF-8": "%FF%ED%A0%80",
    "line breaks": "/a%0D%0AX:%20b%01",
    "long": "9" * 20_000,
}
FORMS = {
    "/login": {"login": "alice", "password": PASSWORD, "next": "/"},
    "/login?next=/": {"proof": "x", "code": "123456"},
    "/join": PERSON | {"display_name": "N", "next": "/"},
    "/forgot": {"email": "alice@example.com"},
    "/reset-password": {"token": "x", "new_password": "another long phrase"},
    "/confirm-email": {"token": "x"},
    "/settings/profile": {"display_name": "A", "bio": "B", "website": "https://example.com"},
    "/settings/account": {"locale": "en"},
    "/settings/appearance": {"theme": "dark"},
    "/settings/security": {"current_password": PASSWORD, "new_password": "another long phrase"},
    "/settings/export": {"password": PASSWORD},
    "/settings/delete": {"password": PASSWORD},
    "/settings/profile/avatar": {"avatar_media_id": ""},
    "/notifications/read": {"up_to": ""},
    "/p/{post}/like": {"liked": "true"},
    "/p/{post}/comments": {"text": "Nice", "key": "k", "parent_id": "{comment}"},
    "/p/{post}/edit": {"caption": "C", "visibility": "public", "alt_texts.x": "A", "sensitive": "on"},
    "/report?type=comment&id={comment}": {"category": "spam", "note": "N"},
}


@pytest.fixture
def objects(alice, bob):
    post = PostFactory(author=alice)
    return {"post": str(post.pk), "comment": str(CommentFactory(post=post, author=bob).pk)}


def fault(response):
    """Whether the server takes the blame. oEmbed prescribes 501 for an unknown format."""
    return response.status_code >= 500 and response.status_code != 501


@pytest.mark.slow
@pytest.mark.parametrize("path", FORMS)
def test_malformed_fields_are_refused(path, objects, alice):
    anonymous = {"/login", "/login?next=/", "/join", "/forgot", "/reset-password", "/confirm-email"}
    browser = Browser(None if path in anonymous else alice)
    browser.raise_request_exception = False
    for name in FORMS[path]:
        for kind, value in HOSTILE.items():
            fields = {each: text.format(**objects) for each, text in FORMS[path].items() if each != name}
            body = "&".join([urlencode(fields), f"{name}={value}"])
            with rolled_back():
                response = browser.post(path.format(**objects), body, "application/x-www-form-urlencoded")
            assert not fault(response), (name, kind)


QUERIES = {
    "/": ["cursor"],
    "/explore": ["cursor"],
    "/new-posts": ["after"],
    "/refresh/posts": ["ids"],
    "/search": ["q", "type", "cursor"],
    "/search?type=posts": ["q"],
    "/search?type=tags": ["q"],
    "/search?q=a&type=tags": ["cursor"],
    "/notifications": ["cursor", "unread"],
    "/p/{post}": ["cursor"],
    "/p/{post}/comments/{comment}": ["cursor"],
    "/saved": ["cursor", "limit"],
    "/login": ["next"],
    "/reset-password": ["token"],
    "/report": ["type", "id"],
    "/appeal?action={post}": ["token"],
    "/oembed": ["url", "format"],
    "/web/search/users": ["q", "cursor", "limit"],
}


@pytest.mark.slow
@pytest.mark.parametrize("path", QUERIES)
def test_malformed_queries_are_refused(path, objects, alice):
    browser = Browser(alice)
    browser.raise_request_exception = False
    target = path.format(**objects)
    for name in QUERIES[path]:
        for kind, value in HOSTILE.items():
            response = browser.get(f"{target}{'&' if '?' in target else '?'}{name}={value}")
            assert not fault(response), (name, kind)


PATHS = [
    "/{}",
    "/@{}",
    "/@{}/followers",
    "/@{}/feed.atom",
    "/tags/{}",
    "/tags/{}/feed.atom",
    "/sitemap-{}.xml",
    "/p/{}",
]
ACTION_PATHS = ["/@{}/follow", "/@{}/block", "/@{}/remove-follower", "/requests/@{}/accept"]


@pytest.mark.parametrize("pattern", PATHS + ACTION_PATHS)
def test_malformed_paths_are_refused(pattern, alice):
    browser = Browser(alice)
    browser.raise_request_exception = False
    for kind, value in HOSTILE.items():
        send = browser.post if pattern in ACTION_PATHS else browser.get
        assert not fault(send(pattern.format(value.removeprefix("/")))), kind


MULTIPART = '--a\r\nContent-Disposition: form-data; name="login"\r\n\r\nx'
# (content type, body)
BODIES = [
    ("multipart/form-data", "x"),
    ("multipart/form-data; boundary=", "x"),
    ("multipart/form-data; boundary=a", MULTIPART),
    ("application/x-www-form-urlencoded; charset=utf-16", "a=b"),
    ("application/x-www-form-urlencoded; charset=nonsense", "a=b"),
    ("application/x-www-form-urlencoded", "&".join(f"f{n}=1" for n in range(1500))),
    ("application/json", "{"),
    ("", "a=b"),
]


@pytest.mark.parametrize(("content_type", "body"), BODIES)
@pytest.mark.parametrize("is_checked", [True, False])
def test_malformed_bodies_are_refused(content_type, body, is_checked, alice):
    browser = Browser(alice, enforce_csrf_checks=is_checked)
    browser.raise_request_exception = False
    for path in ("/login", "/settings/profile", "/web/uploads", "/web/notifications/read", "/admin/login/"):
        response = browser.generic("POST", path, body, content_type=content_type)
        assert response.status_code < 500, path


def test_page_without_database_is_unavailable(alice, monkeypatch):
    browser = Browser(alice)
    browser.raise_request_exception = False

    def fail(*_):
        raise OperationalError("the connection is closed")

    monkeypatch.setattr(session_cache, "get_user", fail)
    response = browser.get("/")
    assert response.status_code == 503
    assert response.headers["Content-Type"].startswith("text/html")
    # The member is still signed in when it is back.
    assert COOKIE not in response.cookies
