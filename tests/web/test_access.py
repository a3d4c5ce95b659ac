"""Every URL of the pages for every kind of visitor. A URL without a row in the table fails a test."""

import re
from collections.abc import Iterator
from http.cookies import SimpleCookie
from typing import Any

import pytest
from django.conf import settings
from django.http import HttpResponse
from django.urls import URLPattern, resolve

from apps.core.db.ids import new_id
from apps.web import script_urls, urls
from tests.conftest import rolled_back
from tests.web.conftest import Browser
from tests.web.table import LOGIN, NOBODY, ROWS, VISITORS, Row, World, build_world

pytestmark = pytest.mark.django_db
# The same for everybody, or data for scripts of the page.
SHARED = re.compile(r"/(oembed|robots|sitemap|manifest|sw\.js|favicon|accent-|web/|.*feed\.atom)")


class Visits:
    """Requests of each visitor. Every one starts with the cookies that the visitor had in the beginning."""

    TOKEN = "a" * 32

    def __init__(self, world: World) -> None:
        self._browser = Browser(enforce_csrf_checks=True)
        self._world = world

    def ask(self, visitor: str, method: str, row: Row, *, csrf: bool = True) -> HttpResponse:
        is_script = row.path.startswith("/web/")
        self._browser.cookies = SimpleCookie({settings.CSRF_COOKIE_NAME: self.TOKEN} if csrf else {})
        if cookie := self._world.cookies.get(visitor):
            self._browser.cookies[settings.WEB_SESSION_COOKIE] = cookie
        headers = {"Accept": "application/json" if is_script else "text/html"}
        if csrf:
            headers["X-CSRFToken"] = self.TOKEN
        options: dict[str, Any] = {} if method == "get" else {"data": self._world.fill(row.data)}
        if is_script and method != "get":
            options["content_type"] = "application/json"
        return getattr(self._browser, method)(self._world.fill(row.path), headers=headers, **options)


def answer_of(response: HttpResponse) -> int | str:
    is_login = response.headers.get("Location", "").startswith("/login?next=")
    return LOGIN if is_login else response.status_code


@pytest.fixture
def visits(deliver: Any) -> Visits:
    return Visits(build_world(deliver))


def patterns() -> Iterator[URLPattern]:
    for each in (*urls.urlpatterns, *script_urls.urlpatterns):
        assert isinstance(each, URLPattern)
        yield each


def test_every_url_has_a_row():
    values = {name: new_id() for row in ROWS for name in re.findall(r"\{(\w+)\}", row.path)}
    found = {resolve(row.path.format_map(values).split("?")[0]).func for row in ROWS}
    assert [str(each.pattern) for each in patterns() if each.callback not in found] == []


@pytest.mark.slow
def test_every_page_answers_every_visitor(visits: Visits) -> None:
    """And no page of members is stored, so that the back button does not show it after signing out."""
    wrong = {}
    for row in ROWS:
        for visitor, expected in zip(VISITORS, row.get, strict=True):
            response = visits.ask(visitor, "get", row)
            if answer_of(response) != expected:
                wrong[row.path, visitor] = answer_of(response), expected
            if response.status_code == 200 and not SHARED.match(row.path):
                assert "no-store" in response.headers["Cache-Control"], row.path
    assert wrong == {}


@pytest.mark.slow
def test_every_form_answers_every_visitor(visits: Visits) -> None:
    wrong = {}
    for row in ROWS:
        for method, answers in row.writes.items():
            # What is the same for everybody because there is no form is asked once.
            visitors = ["owner"] if answers == NOBODY else VISITORS
            for visitor, expected in zip(VISITORS, answers, strict=True):
                if visitor in visitors:
                    with rolled_back():
                        answer = answer_of(visits.ask(visitor, method, row))
                    if answer != expected:
                        wrong[row.path, method, visitor] = answer, expected
    assert wrong == {}


# What a suspended member may open: GET and POST. Everything else is refused with 403.
RESTRICTED = {
    "/suspended": (200, 405),
    "/settings/export": (200, 302),
    "/settings/delete": (200, 302),
    "/export": (302, 405),
    "/logout": (200, 302),
    "/appeal?action={decision}": (404, 404),
    "/appeal?action={decision}&token=x": (400, 400),
    "/reset-password": (400, 400),
    "/reset-password?token={reset}": (200, 302),
    "/confirm-email": (400, 400),
    "/confirm-email?token={confirm}": (200, 302),
    **dict.fromkeys(["/about", "/rules", "/terms", "/privacy", "/offline"], (200, 405)),
    **dict.fromkeys(["/manifest.webmanifest", "/sw.js"], (200, 405)),
    "/favicon.ico": (302, 405),
    "/settings/moderation": (200, 405),
    "/confirm-new-email": (400, 400),
    "/confirm-new-email?token={new_email}": (200, 302),
    "/revert-email": (400, 400),
    "/revert-email?token={old_email}": (200, 302),
    "/moderation-digest/stop": (400, 400),
    "/moderation-digest/stop?token={digest}": (200, 200),
    "/logo/{unknown}.png": (404, 405),
    "/accent-6b2fbf.css": (200, 405),
    "/accent-ffcc00.css": (404, 405),
}


@pytest.mark.slow
def test_suspended_member_opens_nothing_but_these_pages(visits: Visits) -> None:
    """The others show the page about the suspension, and no content."""
    wrong = {}
    for row in ROWS:
        for place, method in enumerate(["get", *row.writes]):
            with rolled_back():
                response = visits.ask("restricted", method, row)
            expected = RESTRICTED[row.path][min(place, 1)] if row.path in RESTRICTED else 403
            if response.status_code != expected:
                wrong[row.path, method] = response.status_code, expected
            if expected == 403:
                text = response.content.decode()
                assert "account_suspended" in text or "Your account is suspended" in text, row.path
                assert "Spam." in text
                assert "Low tide" not in text
    assert wrong == {}


@pytest.mark.slow
def test_every_form_needs_the_csrf_token_and_no_page_another_method(visits: Visits) -> None:
    wrong = {}
    for row in ROWS:
        # Mail programs send it, and the token of the mail authorises it.
        writes = [] if row.path.startswith("/moderation-digest/stop") else row.writes
        for method in writes:
            response = visits.ask("owner", method, row, csrf=False)
            if response.status_code != 403 or not is_csrf_failure(response):
                wrong[row.path, method] = response.status_code
        for method in {"put", "patch", "delete"} - set(row.writes):
            if (answer := answer_of(visits.ask("owner", method, row))) != 405:
                wrong[row.path, method] = answer
    assert wrong == {}


def is_csrf_failure(response: HttpResponse) -> bool:
    return b"This page is out of date." in response.content
