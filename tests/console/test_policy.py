"""The Content-Security-Policy forbids inline scripts, and no page needs one (promise O2)."""

import re

import pytest
from django.contrib import admin
from django.test import Client
from django.urls import reverse

from tests.factories import PASSWORD, UserFactory

pytestmark = pytest.mark.django_db
STANDING = re.compile(r"<script(?![^>]*\bsrc=)(?![^>]*application/json)[^>]*>\s*[^<\s]", re.IGNORECASE)
HANDLER = re.compile(r"<[^>]*\son(click|change|submit|load|error|input)\s*=", re.IGNORECASE)


@pytest.mark.promise("O2")
def test_no_page_needs_an_inline_script():
    root = UserFactory(handle="root", is_staff=True, is_superuser=True)
    browser = Client()
    assert "<form" in browser.get("/admin/login/").content.decode()
    lists = [
        reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist") for model in admin.site._registry
    ]
    pages = {path: browser.get(path) for path in ("/admin/login/", "/v1/docs", "/v1/redoc")}
    browser.login(username="root", password=PASSWORD)
    pages |= {path: browser.get(path) for path in ("/admin/", *lists, f"/admin/accounts/user/{root.pk}/change/")}
    for path, answer in pages.items():
        assert answer.status_code == 200, path
        scripts = re.search(r"script-src ([^;]*);", answer.headers["Content-Security-Policy"])
        assert scripts
        assert "unsafe-inline" not in scripts[1]
        for forbidden in (STANDING, HANDLER):
            assert not forbidden.search(answer.content.decode()), path


@pytest.mark.promise("O2")
def test_docs_page_loads_its_script_from_a_url():
    page = Client().get("/v1/docs").content.decode()
    source = re.search(r'<script src="(/v1/docs\?script=[^"]*)"', page)
    assert source
    script = Client().get(source[1])
    assert script.headers["Content-Type"].startswith("application/javascript")
    assert b"SwaggerUIBundle" in script.content
