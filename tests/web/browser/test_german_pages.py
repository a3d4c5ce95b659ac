"""Pages of accounts, registration, rules and reports in German, whose words are long: they fit, in both themes."""

import pytest
from playwright.sync_api import expect

from apps.accounts import services as accounts
from apps.accounts.models import User
from apps.moderation import services as moderation
from apps.site import services as site_services
from tests.factories import PASSWORD, UserFactory
from tests.site.test_documents import publish
from tests.web.browser.conftest import DESKTOP, PHONE
from tests.web.browser.looks import look_at
from tests.web.browser.test_all_pages import REFUSED, name_of
from tests.web.table import build_world

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]
LOOKS = {
    "phone": {"size": PHONE, "touch": True, "scheme": "light"},
    "desktop": {"size": DESKTOP, "touch": False, "scheme": "dark"},
}
MEMBER = [
    *(f"/settings/{name}" for name in ["security", "account", "invitations", "moderation", "deactivate"]),
    *(f"/settings/security/{name}" for name in ["events", "app", "passkeys/new", "passkeys/{passkey}", "confirm"]),
    *("/reports", "/reports/{report}", "/report?type=user&id={bob}", "/rules", "/terms", "/appeal?action={decision}"),
]
ANONYMOUS = ["/join", "/join?sent", "/login", "/invite/{code}", "/invite/abcdefghjkmn", "/rules", "/terms"]


@pytest.fixture
def world(deliver):
    world = build_world(deliver)
    text = {"text": "Am Sonntag sind Wartungsarbeiten. " * 3}
    site_services.save_announcement(None, texts={"de": text, "en": text}, starts_at=None, ends_at=None)
    rule = {"title": "Keine Beleidigungen", "text": "Und keine Drohungen."}
    site_services.add_rule({"de": rule, "en": rule})
    site_services.change_settings(registration="approval", minimum_age=16)
    publish(text="Sei freundlich. " * 100)
    User.objects.update(locale="de")
    world.values["bob"] = world.members["member"].pk
    return world


@pytest.mark.parametrize("look", LOOKS)
def test_german_pages_fit(site, world, look):
    site.expected.append(REFUSED)
    found = {}
    for visitor, paths in {"owner": MEMBER, "anonymous": ANONYMOUS}.items():
        page = site.open(world.members.get(visitor), locale="de-DE", **LOOKS[look])
        for path in paths:
            page.goto(world.fill(path))
            expect(page.locator("html")).to_have_attribute("lang", "de")
            found |= look_at(page, f"de-{visitor}-{name_of(path)}")
    assert found == {}


@pytest.mark.parametrize("look", LOOKS)
def test_german_pages_of_refused_forms_and_closed_accounts_fit(site, world, look):
    site.expected.append(REFUSED)
    away = UserFactory(handle="away", locale="de")
    accounts.deactivate(away, password=PASSWORD)
    suspended = UserFactory(handle="sigi", locale="de")
    moderation.suspend(suspended, by=world.members["moderator"], reason="Werbung. " * 20, category="spam")
    page = site.open(locale="de-DE", **LOOKS[look])
    found = {}
    for login, password in {"sigi": "falsch", "away": PASSWORD}.items():
        page.goto("/login")
        page.locator("#login").fill(login)
        page.locator("#password").fill(password)
        page.locator("main form[action='/login'] button.primary").click()
        page.wait_for_load_state()
        if login == "sigi":
            expect(page.locator(".form-errors")).to_be_focused()
        found |= look_at(page, f"de-login-{login}")
    restricted = site.open(suspended, locale="de-DE", **LOOKS[look])
    for path in ("/suspended", "/settings/export", "/settings/delete"):
        restricted.goto(path)
        found |= look_at(restricted, f"de-restricted-{name_of(path)}")
    page = site.open(world.members["owner"], locale="de-DE", **LOOKS[look])
    for path in ("/settings/account", "/settings/security"):
        page.goto(path)
        page.locator("main form.form").first.evaluate("(form) => { form.noValidate = true }")
        page.locator("main form.form .button").first.click()
        page.wait_for_load_state()
        found |= look_at(page, f"de-refused-{name_of(path)}")
    assert found == {}
