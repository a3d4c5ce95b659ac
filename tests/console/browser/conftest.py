"""The console in Debian's Chromium, served by Django's live server over the test database."""

import os
import shutil
from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from playwright.sync_api import (
    Browser,
    BrowserContext,
    BrowserType,
    ConsoleMessage,
    Page,
    Response,
    sync_playwright,
)

from apps.accounts.models import User

WIDE, NARROW = {"width": 1440, "height": 900}, {"width": 390, "height": 844}


@pytest.fixture(scope="module")
def chromium(django_db_setup: None) -> Iterator[Browser]:
    """Fails in CI where there is no Chromium; elsewhere the tests that need one are skipped.

    While it is there Playwright keeps an event loop in this thread, in which Django would refuse its database calls.
    """
    with pytest.MonkeyPatch.context() as environment, sync_playwright() as playwright:
        environment.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        browser = launch(playwright.chromium)
        yield browser
        browser.close()


def launch(browser_type: BrowserType, **options: Any) -> Browser:
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found is None:
        message = "There is no Chromium (Debian's package chromium)."
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    # As root Chromium has no sandbox; it opens pages of ours only.
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    return browser_type.launch(executable_path=found, args=arguments, **options)


class Console:
    """Chromium at the console. What a page's scripts say is wrong fails the test."""

    def __init__(self, browser: Browser, url: str) -> None:
        self.url = url
        self.wrong: list[str] = []
        self._browser = browser
        self._contexts: list[BrowserContext] = []

    def open(self, person: User | None = None, *, size: Any = None, scheme: Any = "light", touch: bool = False) -> Page:
        """A window of its own, signed in as `person`. `touch`: on a phone, without a pointer."""
        context = self._browser.new_context(
            base_url=self.url,
            viewport=size or WIDE,
            color_scheme=scheme,
            reduced_motion="reduce",
            has_touch=touch,
            is_mobile=touch,
        )
        self._contexts.append(context)
        if person:
            context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": session_of(person), "url": self.url}])
        page = context.new_page()
        page.on("pageerror", lambda error: self.wrong.append(f"{page.url}: {error}"))
        page.on("response", self._refused)
        page.on("console", self._complained)
        return page

    def _refused(self, response: Response) -> None:
        if response.status >= 400:
            self.wrong.append(f"{response.status} {response.url}")

    def _complained(self, said: ConsoleMessage) -> None:
        if said.type == "error":
            self.wrong.append(f"{said.location['url']}: {said.text}")

    def close(self) -> None:
        for context in self._contexts:
            context.close()


def session_of(person: User) -> str:
    client = Client()
    client.force_login(person)
    return client.cookies[settings.SESSION_COOKIE_NAME].value


@pytest.fixture
def console(chromium: Browser, live_server: Any) -> Iterator[Console]:
    console = Console(chromium, live_server.url)
    yield console
    console.close()
    assert console.wrong == []
