"""Signing in to the console: limited as over the API (promise O2)."""

import pytest
from django.test import Client
from django.urls import reverse

from apps.accounts import services as accounts
from apps.accounts.models import Session, User
from tests.factories import PASSWORD, UserFactory

pytestmark = pytest.mark.django_db
LOGIN = "/admin/login/"
BUSY = "Too many attempts"


@pytest.fixture(autouse=True)
def limited(settings):
    settings.RATE_LIMITS_ENABLED = True
    settings.RATE_LIMITS = settings.RATE_LIMITS | {"sign_in_address": (6, 300), "sign_in_account": (3, 300)}
    settings.TRUSTED_PROXIES = 1
    UserFactory(handle="root", is_staff=True, is_superuser=True)


def attempt(login, password, *, address="203.0.113.1"):
    return Client(headers={"X-Forwarded-For": address}).post(LOGIN, {"username": login, "password": password})


@pytest.mark.promise("O2")
def test_attempts_on_an_account_are_limited_for_all_addresses():
    for number in range(3):
        assert BUSY not in attempt("root", "wrong", address=f"203.0.113.{number}").content.decode()
    refused = attempt("root", PASSWORD, address="203.0.113.9")
    assert refused.status_code == 200
    assert BUSY in refused.content.decode()


@pytest.mark.promise("O2")
def test_attempts_of_an_address_are_limited_for_all_accounts():
    for number in range(6):
        attempt(f"someone{number}", "wrong")
    assert BUSY in attempt("root", PASSWORD).content.decode()
    assert attempt("root", PASSWORD, address="203.0.113.2").status_code == 302


@pytest.mark.promise("O2")
def test_attempts_in_api_and_console_are_counted_together(anonymous):
    for _ in range(3):
        anonymous.post("/auth/token", {"login": "root", "password": "wrong"}, HTTP_X_FORWARDED_FOR="203.0.113.1")
    assert BUSY in attempt("root", PASSWORD).content.decode()


@pytest.mark.promise("O2")
def test_attempts_are_counted_in_the_database_without_redis(settings):
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    for _ in range(3):
        attempt("root", "wrong")
    assert BUSY in attempt("root", PASSWORD).content.decode()


@pytest.mark.promise("O2")
def test_staff_can_sign_in_with_the_form():
    assert Client().get(LOGIN).status_code == 200
    assert attempt("ROOT", PASSWORD).status_code in {200, 302}
    assert attempt("root", PASSWORD).status_code == 302


@pytest.mark.promise("O2")
def test_an_empty_form_is_refused_without_an_error():
    assert attempt("", "").status_code == 200


def test_sign_in_redirects_to_local_pages_only():
    for asked, expected in {
        "": "/admin/",
        "?next=/admin/accounts/user/": "/admin/accounts/user/",
        "?next=https://evil.example/": "/admin/",
    }.items():
        answer = Client().post(LOGIN + asked, {"username": "root", "password": PASSWORD})
        assert answer.headers["Location"] == expected


def test_password_change_in_the_console_ends_api_sessions():
    root = User.objects.get(handle="root")
    accounts.open_session(root)
    browser = Client()
    browser.login(username="root", password=PASSWORD)
    form = {"old_password": PASSWORD, "new_password1": "another battery staple", "new_password2": "x"}
    path = reverse("admin:password_change")
    for wrong in ({}, {"old_password": "wrong", "new_password2": form["new_password1"]}):
        assert browser.post(path, form | wrong).status_code == 200
    short = {"new_password1": "short", "new_password2": "short"}
    assert browser.post(path, form | short).status_code == 200
    assert Session.objects.live().count() == 2
    assert browser.get(path).status_code == 200
    assert browser.post(path, form | {"new_password2": form["new_password1"]}).status_code == 302
    assert Session.objects.live().get().kind == "console"
    assert browser.get("/admin/").status_code == 200
    assert attempt("root", form["new_password1"]).status_code == 302
