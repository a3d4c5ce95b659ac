"""Joining, signing in and out, and the settings in Chromium."""

import os
import re
from datetime import timedelta
from pathlib import Path

import pytest
from django.core import mail
from django.utils import timezone
from playwright.sync_api import expect

from apps.accounts import mails, services
from apps.accounts.models import DataExport, Session, User
from apps.social.models import Block
from apps.web.views.settings import SECTIONS
from tests.console.browser.axe import faults
from tests.console.browser.conftest import launch
from tests.console.codes import code_of, enrol
from tests.factories import PASSWORD, BlockFactory, MuteFactory, UserFactory
from tests.moderation.people import make_moderator
from tests.waiting import eventually
from tests.web.browser.conftest import DESKTOP, PHONE
from tests.web.test_forms import HOSTILE

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]
SMALLEST = {"width": 320, "height": 640}
FOLDER = os.environ.get("SCREENSHOTS")


def is_too_wide(page):
    return page.evaluate("document.documentElement.scrollWidth > window.innerWidth")


def faults_of(page, name):
    """What is wrong with the page in both themes, in the smallest window, and with text of twice the size."""
    wrong = {}
    size = page.viewport_size
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        found = faults(page) + (["wider than the window"] if is_too_wide(page) else [])
        if found:
            wrong[f"{name}, {size['width']}, {scheme}"] = found
        if FOLDER:
            file = f"{name.strip('/').replace('/', '-') or 'start'}-{size['width']}-{scheme}.png"
            page.screenshot(path=Path(FOLDER) / file, full_page=True)
    if size["width"] < 700:
        page.set_viewport_size(SMALLEST)
        if is_too_wide(page):
            wrong[f"{name}, {SMALLEST['width']}"] = ["wider than the window"]
        page.set_viewport_size(size)
    page.evaluate("() => { document.documentElement.style.fontSize = '200%'; }")
    if is_too_wide(page):
        wrong[f"{name}, {size['width']}, large text"] = ["wider than the window"]
    page.evaluate("() => { document.documentElement.style.fontSize = ''; }")
    return wrong


def link_in_mail():
    return re.search(r"/[a-z-]+\?token=[\w-]+", mail.outbox[-1].body)[0]


@pytest.fixture
def world():
    """A moderator with devices, blocked and muted people and an export; and links of mails."""
    mod = make_moderator("mod")
    enrol(mod)
    services.open_session(mod, device_name="A telephone with quite a long name", address="2001:db8::8a2e:370:7334")
    for number in range(3):
        BlockFactory(blocker=mod, blocked=UserFactory(handle=f"a_handle_of_thirty_letters_{number}", display_name=""))
        MuteFactory(muter=mod, muted=UserFactory())
    now = timezone.now()
    DataExport.objects.create(
        user=mod, status="ready", secret="x" * 32, finished_at=now, expires_at=now + timedelta(hours=20)
    )
    return mod


@pytest.mark.parametrize("size", [PHONE, DESKTOP], ids=["phone", "desktop"])
def test_pages_of_members_fit_and_are_accessible(site, world, size):
    """36: in two sizes and two themes, and 320 pixels wide, axe finds no serious fault."""
    page = site.open(world, size=size)
    paths = ["/settings", *(section.url for section in SECTIONS), "/settings/blocked", "/settings/muted", "/logout"]
    wrong = {}
    for path in paths:
        page.goto(path)
        expect(page.locator("h1")).to_have_count(1)
        wrong |= faults_of(page, path)
    site.expected += ["400", "403"]
    page.goto("/settings/security")
    page.get_by_label("Current password").fill("wrong")
    page.get_by_label("New password").fill("a better battery staple")
    page.get_by_role("button", name="Change the password").click()
    expect(page.get_by_text("The current password is wrong.")).to_be_visible()
    wrong |= faults_of(page, "/settings/security-refused")
    assert wrong == {}


@pytest.mark.parametrize("size", [PHONE, DESKTOP], ids=["phone", "desktop"])
def test_pages_of_visitors_fit_and_are_accessible(site, world, size):
    """36: in two sizes and two themes, and 320 pixels wide, axe finds no serious fault."""
    page = site.open(size=size)
    wrong = {}
    mails.send_reset(world.email, reference="1")
    for path in ("/login", "/join", "/forgot", "/forgot?sent", "/confirm-email?token=x", link_in_mail()):
        page.goto(path)
        expect(page.locator("h1")).to_have_count(1)
        wrong |= faults_of(page, path.partition("=")[0])
    site.expected += ["400", "401"]
    page.goto("/reset-password?token=x")
    wrong |= faults_of(page, "/reset-password-invalid")
    page.goto("/join")
    page.locator("form[action='/join']").evaluate("form => { form.noValidate = true; }")
    page.get_by_role("button", name="Join", exact=True).click()
    expect(page.get_by_label("E-mail address")).to_be_focused()
    wrong |= faults_of(page, "/join-refused")
    page.goto("/login")
    page.get_by_label("Handle or e-mail address").fill("mod")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Second step")).to_be_visible()
    wrong |= faults_of(page, "/login-code")
    assert wrong == {}


def test_new_member_joins_confirms_and_signs_in_by_keyboard(site, deliver):
    """36: a form starts in its first field, names its faults, and works with the keyboard alone."""
    UserFactory(handle="dora")
    page = site.open()
    page.goto("/join")
    site.expected.append("409")
    expect(page.get_by_label("E-mail address")).to_be_focused()
    for text in ("emil@example.org", "dora", "Emil", PASSWORD):
        page.keyboard.type(text)
        page.keyboard.press("Tab")
    show = page.get_by_role("button", name="Show password")
    expect(show).to_be_focused()
    page.keyboard.press("Space")
    expect(page.get_by_label("Password", exact=True)).to_have_attribute("type", "text")
    expect(show).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Enter")
    handle = page.get_by_label("Handle")
    expect(handle).to_be_focused()
    expect(handle).to_have_attribute("aria-invalid", "true")
    expect(handle).to_have_accessible_description(re.compile("That handle is taken"))
    handle.fill("emil")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_text("Please confirm your address")).to_be_visible()
    deliver()
    page.goto(link_in_mail())
    page.get_by_role("button", name="Confirm the address").press("Enter")
    expect(page.get_by_text("Your e-mail address is confirmed.")).to_be_visible()
    expect(page.get_by_text("Please confirm your address")).to_have_count(0)
    page.get_by_role("navigation", name="Main").get_by_role("button", name="Sign out").press("Enter")
    page.get_by_role("link", name="Sign in").first.press("Enter")
    page.get_by_label("Handle or e-mail address").fill("emil")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("navigation", name="Main").get_by_text("Settings")).to_be_visible()


def test_form_is_sent_once_however_often_its_button_is_pressed(site):
    """22: a double press of "Join" creates one account, and shows no error."""
    page = site.open()
    page.goto("/join")
    page.get_by_label("E-mail address").fill("emil@example.org")
    page.get_by_label("Handle").fill("emil")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Join", exact=True).dblclick()
    expect(page.get_by_text("Welcome!")).to_be_visible()
    assert User.objects.count() == Session.objects.count() == 1


def test_moderator_signs_in_with_a_code_on_a_phone(site):
    mod = make_moderator("mod")
    device, _ = enrol(mod)
    page = site.open(touch=True)
    page.goto("/settings/sessions")
    page.get_by_label("Handle or e-mail address").fill("mod")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).tap()
    code = page.get_by_label("Code", exact=True)
    expect(code).to_be_focused()
    code.fill(code_of(device))
    page.get_by_role("button", name="Continue").tap()
    expect(page.get_by_role("heading", name="Devices")).to_be_visible()
    expect(page.get_by_text("this browser")).to_be_visible()


def test_back_button_shows_no_private_page_after_sign_out(site, chromium):
    """Also with the browser's memory of pages, which Playwright turns off otherwise."""
    alice = UserFactory(handle="alice", email="secret@example.org")
    remembering = launch(chromium.browser_type, ignore_default_args=["--disable-back-forward-cache"])
    context = remembering.new_context(base_url=site.url)
    site.sign_in(context, alice)
    page = context.new_page()
    page.goto("/settings")
    page.goto("/settings/account")
    expect(page.get_by_text("secret@example.org").first).to_be_visible()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("link", name="Join").first).to_be_visible()
    for _ in range(2):
        page.go_back()
        expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
        assert "secret@example.org" not in page.content()
    remembering.close()


def test_account_works_without_javascript(site, deliver):
    page = site.open(java_script_enabled=False)
    page.goto("/join")
    expect(page.get_by_role("button", name="Show password")).to_be_hidden()
    page.get_by_label("E-mail address").fill("emil@example.org")
    page.get_by_label("Handle").fill("emil")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Join", exact=True).click()
    page.get_by_role("button", name="Send the mail again").click()
    expect(page.get_by_text("We have sent a mail to emil@example.org.")).to_be_visible()
    deliver()
    page.goto(link_in_mail())
    page.get_by_role("button", name="Confirm the address").click()
    page.goto("/settings/profile")
    page.get_by_label("Bio").fill("Low tide.")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved.")).to_be_visible()
    page.goto("/settings/notifications")
    page.get_by_label("New followers: Push").uncheck()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_label("New followers: Push")).not_to_be_checked()
    page.goto("/settings/appearance")
    page.get_by_label("Dark").check()
    page.get_by_role("button", name="Save").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    emil = User.objects.get()
    services.open_session(emil, device_name="Emil's phone")
    page.goto("/settings/sessions")
    page.get_by_role("button", name="Sign out Emil's phone").click()
    expect(page.get_by_text("The device is signed out.")).to_be_visible()
    BlockFactory(blocker=emil, blocked=UserFactory(handle="mallory"))
    page.goto("/settings/blocked")
    page.get_by_role("button", name="Unblock").click()
    expect(page.get_by_text("You have blocked nobody.")).to_be_visible()
    page.goto("/settings/delete")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Delete my account").click()
    expect(page.get_by_text("Your account is hidden and will be deleted")).to_be_visible()
    assert User.objects.get(handle="emil").state == "leaving"


def test_unblocking_can_be_undone_by_keyboard(site):
    """25 and 26: the message of an unblocked account has "Undo", and the focus moves on to the next account."""
    alice = UserFactory(handle="alice")
    for handle in ("bob", "mallory"):
        BlockFactory(blocker=alice, blocked=UserFactory(handle=handle))
    page = site.open(alice)
    page.goto("/settings/blocked")
    page.get_by_role("button", name="Unblock @mallory").press("Enter")
    expect(page.get_by_role("button", name="Unblock @mallory")).to_have_count(0)
    expect(page.get_by_role("button", name="Unblock @bob")).to_be_focused()
    page.get_by_role("button", name="Undo").press("Enter")
    expect(page.get_by_role("button", name="Unblock @mallory")).to_be_visible()
    page.get_by_role("button", name="Unblock @bob").press("Enter")
    page.goto("/settings/privacy")
    eventually(lambda: list(Block.objects.values_list("blocked__handle", flat=True)) == ["mallory"], 10)


def test_stored_markup_runs_nowhere(site):
    alice = UserFactory(handle="alice", display_name=HOSTILE[:50], bio=HOSTILE, website="https://a.example")
    BlockFactory(blocker=alice, blocked=UserFactory(handle="bob", display_name=HOSTILE[:50]))
    services.open_session(alice, device_name=HOSTILE, user_agent=HOSTILE)
    page = site.open(alice)
    dialogs = []
    page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    for path in ("/settings", "/settings/profile", "/settings/sessions", "/settings/blocked", "/logout"):
        page.goto(path)
        expect(page.locator("img[src='x']")).to_have_count(0)
    page.goto("/settings/blocked")
    page.get_by_role("button", name="Unblock").click()
    expect(page.get_by_role("button", name="Undo")).to_be_visible()
    assert dialogs == []
