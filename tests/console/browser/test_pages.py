"""Every page of the desk, wide and narrow, light and dark: nothing breaks out, and axe-core finds no serious fault.

`make screenshots` runs this with SCREENSHOTS=folder, and keeps what it saw.
"""

import os
from pathlib import Path

import pytest

from tests.console.browser.axe import faults
from tests.console.browser.conftest import NARROW, WIDE

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(300)]
PAGES = {
    "start": "/admin/",
    "flags": "/admin/moderation/flag/",
}
LOOKS = {
    "wide-light": (WIDE, "light"),
    "wide-dark": (WIDE, "dark"),
    "narrow-light": (NARROW, "light"),
    "narrow-dark": (NARROW, "dark"),
}


@pytest.mark.parametrize("look", LOOKS)
def test_every_page_fits_and_can_be_used_by_everybody(console, mod, look):
    size, scheme = LOOKS[look]
    page = console.open(mod, size=size, scheme=scheme)
    found = {}
    for name, path in PAGES.items():
        answer = page.goto(path, wait_until="networkidle")
        assert answer.status == 200, path
        if folder := os.environ.get("SCREENSHOTS"):
            page.screenshot(path=Path(folder) / f"{name}-{look}.png", full_page=True)
        found[name] = faults(page)
        if page.evaluate("document.documentElement.scrollWidth > window.innerWidth"):
            found[name].append("wider than the window")
    assert {name: wrong for name, wrong in found.items() if wrong} == {}
