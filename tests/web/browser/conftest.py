"""The pages in Chromium, served by Django's live server over the test database."""

import io
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Response, Route, expect

from apps.accounts.models import User
from tests.console.browser.conftest import NARROW, WIDE, chromium  # noqa: F401  (chromium is a fixture)
from tests.web.conftest import cookie_of

PHONE, DESKTOP = NARROW, WIDE
# The tests share the machine with others.
expect.set_options(timeout=30_000)
_COLOURS = {"thumb": 320, "medium": 1080, "large": 2048}


class Site:
    """Chromium at the pages. An error of a script, a violation of the policy and a failed request fail the test.

    Photos of `MediaFactory` have no objects in storage; the browser gets a plain picture for them. `expected` lists
    patterns of errors that a test provokes.
    """

    def __init__(self, browser: Browser, url: str) -> None:
        self.url = url
        self.wrong: list[str] = []
        self.expected: list[str] = []
        self._browser = browser
        self._contexts: list[BrowserContext] = []

    def open(
        self,
        user: User | None = None,
        *,
        size: Any = None,
        scheme: Any = "light",
        touch: bool = False,
        storage: bool = False,
        **options: Any,
    ) -> Page:
        """A window of its own, signed in as `user`. `touch`: a phone. `storage`: photos come from the real storage."""
        context = self._browser.new_context(
            base_url=self.url,
            viewport=size or (PHONE if touch else DESKTOP),
            color_scheme=scheme,
            has_touch=touch,
            is_mobile=touch,
            **{
                "reduced_motion": "reduce",
                "device_scale_factor": 2 if touch else 1,
                # Requests that pass through a service worker are not intercepted.
                "service_workers": "block",
                **options,
            },
        )
        self._contexts.append(context)
        if user:
            self.sign_in(context, user)
        if not storage:
            context.route(f"{settings.S3_PUBLIC_ENDPOINT_URL}/**", _plain_picture)
            context.route(f"{settings.MEDIA_CDN_URL}/**", _plain_picture)
        page = context.new_page()
        page.on("pageerror", lambda error: self._note(f"{page.url}: {error}"))
        page.on("response", self._refused)
        page.on("console", self._complained)
        return page

    def sign_in(self, context: BrowserContext, user: User) -> None:
        cookie = {"name": settings.WEB_SESSION_COOKIE, "value": cookie_of(user), "url": self.url}
        context.add_cookies([cookie])  # type: ignore[list-item]

    def _refused(self, response: Response) -> None:
        if response.status >= 400:
            self._note(f"{response.status} {response.url}")

    def _complained(self, said: ConsoleMessage) -> None:
        if said.type == "error":
            self._note(f"{said.location['url']}: {said.text}")

    def _note(self, text: str) -> None:
        if not any(re.search(pattern, text) for pattern in self.expected):
            self.wrong.append(text)

    def close(self) -> None:
        for context in self._contexts:
            context.close()


def _plain_picture(route: Route) -> None:
    """A picture of the size that the name of the variant promises."""
    name = route.request.url.split("?")[0].rsplit("/", 1)[-1]
    kind = "webp" if name.endswith("webp") else "jpeg"
    route.fulfill(body=_draw(_COLOURS.get(name.split(".")[0], 320), kind), content_type=f"image/{kind}")


@cache
def _draw(side: int, kind: str) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (side, side * 3 // 4), "#6a7b8c").save(file, kind)
    return file.getvalue()


@pytest.fixture
def site(chromium: Browser, live_server: Any) -> Iterator[Site]:  # noqa: F811
    site = Site(chromium, live_server.url)
    yield site
    site.close()
    assert site.wrong == []


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """One process of pytest-xdist runs all of these: two browsers at a time leave too little of two cores for each."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.xdist_group("browser"))
