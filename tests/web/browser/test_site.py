"""The site's own name, colour, rules and banners in the browser."""

import io
from itertools import product

import pytest
from PIL import Image
from playwright.sync_api import expect

from apps.accounts.models import Consent
from apps.site import services
from apps.site.colours import accent_for_dark_theme
from tests.console.browser.axe import faults
from tests.factories import UserFactory
from tests.site.test_documents import publish

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]
ACCENT = "#6b2fbf"


def rgb(colour):
    return f"rgb({int(colour[1:3], 16)}, {int(colour[3:5], 16)}, {int(colour[5:], 16)})"


@pytest.fixture
def own(db):
    logo = io.BytesIO()
    Image.new("RGB", (512, 512), ACCENT).save(logo, "PNG")
    services.change_settings(name="Ebb", description="Photos of the coast.", accent=ACCENT)
    services.set_logo(logo.getvalue())
    services.add_rule({"en": {"title": "Be kind", "text": "No insults."}})
    services.save_announcement(None, texts={"en": {"text": "Offline on Sunday."}}, starts_at=None, ends_at=None)
    publish(text="Be nice. " * 100)


@pytest.mark.parametrize(("touch", "scheme"), product([True, False], ["light", "dark"]))
def test_banners_and_pages_of_the_site_are_accessible(site, own, touch, scheme):
    page = site.open(UserFactory(handle="bob"), touch=touch, scheme=scheme)
    for path in ("/rules", "/terms", "/about"):
        page.goto(path)
        expect(page.get_by_role("link", name="Ebb").locator("visible=true").locator("img")).to_be_visible()
        assert faults(page) == []
        width = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert width <= 0
    accept = page.get_by_role("button", name="Accept")
    wanted = ACCENT if scheme == "light" else accent_for_dark_theme(ACCENT)
    expect(accept).to_have_css("background-color", rgb(wanted))


def test_member_accepts_and_dismisses_without_leaving_the_page(site, own):
    bob = UserFactory(handle="bob")
    page = site.open(bob, touch=True)
    page.goto("/rules")
    page.get_by_role("button", name="Dismiss").click()
    expect(page.get_by_text("Offline on Sunday.")).to_have_count(0)
    page.get_by_role("button", name="Accept").click()
    expect(page.get_by_role("button", name="Accept")).to_have_count(0)
    expect(page.get_by_role("heading", name="Rules")).to_be_visible()
    page.reload()
    expect(page.get_by_text("Be kind")).to_be_visible()
    expect(page.locator(".banner")).to_have_count(0)
    assert Consent.objects.filter(user=bob).count() == 1
