"""The documentation pages in Chromium."""

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page

from tests.api.openapi import OPERATIONS, SCHEMAS, errors_of, placeholders, schemas_within
from tests.console.browser.conftest import chromium  # noqa: F401  (a fixture)

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]


class Window:
    def __init__(self, page: Page, server: str) -> None:
        self.page = page
        self.complaints: list[str] = []
        self.foreign: list[str] = []
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", lambda said: self.complaints.append(said.text) if said.type == "error" else None)
        page.on("request", lambda asked: self._note(asked.url, server))

    def _note(self, url: str, server: str) -> None:
        if urlsplit(url).scheme in {"http", "https"} and not url.startswith(server):
            self.foreign.append(url)

    def seconds_until(self, url: str, selector: str) -> float:
        self.page.goto(url, wait_until="commit")
        self.page.wait_for_selector(selector)
        return float(self.page.evaluate("performance.now()")) / 1000


@pytest.fixture
def window(chromium: Browser, live_server: Any) -> Iterator[Window]:  # noqa: F811
    context = chromium.new_context(base_url=live_server.url)
    yield Window(context.new_page(), live_server.url)
    context.close()


@pytest.mark.parametrize(
    ("path", "selector", "at_most"),
    # Alone, Swagger UI takes less than two seconds; here another test uses the other core. ReDoc renders all operations
    # at once.
    [("/v1/docs", ".opblock-tag", 4.0), ("/v1/redoc", '[data-section-id="operation/followUser"]', 10.0)],
)
def test_page_is_usable_in_time_and_loads_nothing_from_elsewhere(
    window: Window, path: str, selector: str, at_most: float
) -> None:
    # The best of three, since other tests run beside this one.
    seconds = min(window.seconds_until(path, selector) for _ in range(3))
    window.page.wait_for_timeout(500)
    assert window.foreign == []
    assert window.complaints == []
    assert seconds <= at_most


def test_operation_can_be_opened_and_shows_its_examples(window: Window) -> None:
    window.page.goto("/v1/docs#/Posts/createPost")
    window.page.wait_for_selector(".opblock.is-open")
    assert "Low tide at #husum" in window.page.inner_text(".opblock.is-open .opblock-section-request-body")
    [created, *_, default] = window.page.query_selector_all(".opblock.is-open tr.response")
    assert not errors_of(json.loads(created.query_selector(".highlight-code").inner_text()), SCHEMAS["Post"])
    assert default.get_attribute("data-code") == "default"
    assert "503 unavailable" in default.inner_text()


COMPOSE = """async () => {
    const { fn, specSelectors } = ui.getSystem();
    const path = ["components", "schemas"];
    const { spec } = await fn.resolveSubtree(specSelectors.specJson().toJS(), path);
    const compose = (schema) => JSON.parse(fn.getSampleSchema(schema, "application/json", { includeReadOnly: true }));
    return Object.fromEntries(Object.entries(spec).map(([name, schema]) => [name, compose(schema)]));
}"""


def test_examples_that_swagger_ui_composes_are_valid(window: Window) -> None:
    window.page.goto("/v1/docs")
    window.page.wait_for_selector(".opblock-tag")
    shown = window.page.evaluate(COMPOSE)
    names = schemas_within([operation.responses() for operation in OPERATIONS.values()])
    assert len(names) > 80
    assert not {name: faults for name in names if (faults := errors_of(shown[name], SCHEMAS[name]))}
    assert not {name: fields for name in names if (fields := placeholders(shown[name]))}
