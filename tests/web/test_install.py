"""The manifest, the service worker and the page without a connection."""

import json
import re

import pytest
from django.conf import settings
from django.contrib.staticfiles import finders
from PIL import Image

from apps.web.views import install
from tests.web.conftest import Browser

pytestmark = pytest.mark.django_db


def file_of(url):
    found = finders.find(url.removeprefix(settings.STATIC_URL))
    assert found, url
    return found


def test_manifest_names_icons_that_exist(db):
    response = Browser().get("/manifest.webmanifest")
    assert response.headers["Content-Type"] == "application/manifest+json"
    manifest = response.json()
    assert (manifest["name"], manifest["display"], manifest["start_url"]) == ("Photogram", "standalone", "/")
    maskable = [icon["sizes"] for icon in manifest["icons"] if icon.get("purpose") == "maskable"]
    assert maskable == ["192x192", "512x512"]
    for icon in manifest["icons"]:
        file = file_of(icon["src"])
        if icon["type"] == "image/png":
            with Image.open(file) as image:
                assert f"{image.width}x{image.height}" == icon["sizes"]
    assert [shortcut["url"] for shortcut in manifest["shortcuts"]] == ["/new", "/notifications", "/explore"]


def test_page_names_manifest_and_icons(db):
    html = Browser().get("/").content.decode()
    assert 'rel="manifest" href="/manifest.webmanifest"' in html
    file_of(re.search(r'rel="apple-touch-icon" href="([^"]+)"', html)[1])
    assert Browser().get("/favicon.ico").headers["Location"] == "/static/web/favicon.ico"
    file_of("/static/web/favicon.ico")


def test_service_worker_may_connect_to_us_and_is_never_stale(db):
    response = Browser().get("/sw.js")
    assert response.headers["Content-Type"] == "text/javascript"
    assert "connect-src 'self'" in response.headers["Content-Security-Policy"]
    assert "unsafe" not in response.headers["Content-Security-Policy"]
    assert response.headers["Service-Worker-Allowed"] == "/"
    assert response.headers["Cache-Control"] == "no-cache"


def worker_config(browser):
    return json.loads(re.search(r"const config = (.*);", browser.get("/sw.js").content.decode())[1])


def test_service_worker_stores_files_that_exist_and_no_page_of_a_member(alice):
    config = worker_config(Browser(alice))
    assert config["files"][0] == "/offline"
    assert all(path == "/offline" or file_of(path) for path in config["files"])
    assert config == worker_config(Browser())


def test_version_changes_with_the_stored_files(db, monkeypatch):
    before = worker_config(Browser())["version"]
    assert worker_config(Browser())["version"] == before
    monkeypatch.setattr(install, "STORED_FILES", [*install.STORED_FILES, "web/js/posts.js"])
    assert worker_config(Browser())["version"] != before


def test_offline_page_is_the_same_for_everybody(alice):
    pages = [Browser(user).get("/offline") for user in (alice, None)]
    assert [page.status_code for page in pages] == [200, 200]
    assert pages[0].content == pages[1].content
    assert "alice" not in pages[0].content.decode()
