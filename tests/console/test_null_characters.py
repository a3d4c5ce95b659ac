"""NUL, which PostgreSQL cannot store, in every place where a request may have it: never a 500."""

import re

import pytest
from django.contrib import admin
from django.test import Client
from django.urls import NoReverseMatch, reverse

from tests.api.openapi import OPERATIONS
from tests.api.test_openapi import routes
from tests.conftest import Caller
from tests.factories import PASSWORD, UserFactory

pytestmark = [pytest.mark.django_db, pytest.mark.promise("I2")]


@pytest.fixture
def browser():
    UserFactory(handle="root", is_staff=True, is_superuser=True)
    client = Client(raise_request_exception=False)
    assert client.login(username="root", password=PASSWORD)
    return client


def test_filters_searches_and_actions_of_every_list_of_the_console(browser):
    statuses = {}
    for model in admin.site._registry:
        path = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
        for query in ("q=%00", "state__exact=a%00b", "a%00b=1"):
            statuses[f"{path}?{query}"] = browser.get(f"{path}?{query}").status_code
        statuses[f"{path} action"] = browser.post(path, {"action": "x\0", "_selected_action": "\0"}).status_code
    assert set(statuses.values()) == {400}


def test_keys_in_paths_of_the_console(browser):
    for model in admin.site._registry:
        name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        for page in ("change", "delete", "history"):
            try:
                path = reverse(f"{name}_{page}", args=["KEY"]).replace("KEY", "%00")
            except NoReverseMatch:
                continue
            assert browser.get(path).status_code == 404, path


def test_pages_of_the_console(browser):
    for name in ("moderation_audit", "moderation_search", "moderation_queue"):
        try:
            path = reverse(f"admin:{name}")
        except NoReverseMatch:
            continue
        assert browser.get(f"{path}?q=%00&actor=%00&act=%00&tab=%00&after=%00").status_code == 400


@pytest.mark.slow
def test_paths_and_queries_of_the_api(alice, mod):
    operations = {(operation.method, operation.path): operation for operation in OPERATIONS.values()}
    callers = Caller(), Caller(alice), Caller(mod)
    for path, methods in routes().items():
        plain = re.sub(r"<\w+:\w+>", "%00", path)
        described = re.sub(r"<\w+:(\w+)>", r"{\1}", path)
        for caller in callers:
            for method in methods:
                if plain != path:
                    assert getattr(caller, method.lower())(f"/{plain}").status_code < 500, (method, path)
            if "GET" not in methods:
                continue
            operation = operations.get(("GET", f"/{described}"))
            parameters = operation.parameters().values() if operation else []
            for name in [row["name"] for row in parameters if row["in"] == "query"] + ["unknown"]:
                target = re.sub(r"<\w+:\w+>", "me" if "user" in path else str(alice.pk), path)
                assert caller.get(f"/{target}?{name}=a%00b").status_code < 500, (path, name)
