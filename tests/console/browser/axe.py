"""Accessibility faults of a page, by axe-core."""

from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

GRAVE = {"serious", "critical"}


def faults(page: Page, *, also: frozenset[str] = frozenset()) -> list[str]:
    """Rule, number of places and the first of them, for every fault that is serious or critical, or against one of the
    rules `also`."""
    found: dict[str, Any] = Axe().run(page).response
    return [
        f"{fault['id']} ({len(fault['nodes'])}): {fault['nodes'][0]['html'][:200]}"
        for fault in found["violations"]
        if fault["impact"] in GRAVE or fault["id"] in also
    ]
