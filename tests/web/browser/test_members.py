"""Deactivated, suspended and unconfirmed members in Chromium: two sizes, two themes, axe."""

import pytest
from playwright.sync_api import expect

from apps.accounts import services
from apps.accounts.models import User
from apps.moderation import services as moderation
from tests.factories import PASSWORD, PostFactory
from tests.moderation.people import make_moderator
from tests.web.browser.conftest import DESKTOP, PHONE
from tests.web.browser.test_account import faults_of

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]
# A page of a suspended member is an answer with 403.
REFUSED = r"status of 403|^403 "


def sign_in(page):
    page.goto("/login")
    page.get_by_label("Handle or e-mail address").fill("alice")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()


def test_suspended_member_reads_the_reason_and_appeals(site, alice):
    moderator = make_moderator("mod")
    reason = "Sells watches under every post of this week."
    moderation.suspend(alice, by=moderator, reason=reason, category="spam")
    site.expected.append(REFUSED)
    page = site.open(touch=True)
    sign_in(page)
    expect(page.get_by_role("heading", name="Your account is suspended")).to_be_visible()
    wrong = faults_of(page, "/suspended")
    page.goto("/explore")
    expect(page.get_by_text(reason).first).to_be_visible()
    expect(page.get_by_role("navigation")).to_have_count(0)
    page.get_by_label("Why should we change the decision?").fill("These are photos of my own watch.")
    page.get_by_role("button", name="Send appeal").click()
    expect(page.get_by_text("We have received your appeal.")).to_be_visible()

    wide = site.open(alice, size=DESKTOP)
    wide.goto("/")
    expect(wide.get_by_text("We have received your appeal.")).to_be_visible()
    wrong |= faults_of(wide, "/suspended")
    wide.get_by_role("link", name="Download your data").click()
    expect(wide.get_by_role("button", name="Request an archive")).to_be_visible()
    wide.get_by_role("link", name="Back").click()
    expect(wide.get_by_role("heading", name="Your account is suspended")).to_be_visible()
    wide.get_by_role("button", name="Sign out").click()
    expect(wide.get_by_role("link", name="Sign in").first).to_be_visible()
    assert wrong == {}


def test_member_takes_a_break_and_comes_back(site, alice):
    page = site.open(alice, size=PHONE)
    page.goto("/settings/account")
    wrong = faults_of(page, "/settings/account")
    page.get_by_role("link", name="Deactivate your account").click()
    wrong |= faults_of(page, "/settings/deactivate")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Deactivate my account").click()
    expect(page.get_by_text("Your account is hidden.")).to_be_visible()
    assert User.objects.get(pk=alice.pk).state == "deactivated"
    sign_in(page)
    expect(page.get_by_role("heading", name="Do you want to come back?")).to_be_visible()
    wrong |= faults_of(page, "/login")
    page.get_by_role("button", name="Reactivate my account").click()
    expect(page.get_by_text("Your account is visible again.")).to_be_visible()
    assert User.objects.get(pk=alice.pk).state == "active"
    assert wrong == {}


def test_unconfirmed_member_is_told_what_to_do(site, alice, bob, settings):
    settings.REQUIRE_CONFIRMED_EMAIL = True
    post = PostFactory(author=alice)
    page = site.open(bob, size=PHONE)
    page.goto("/new")
    wrong = faults_of(page, "/new")
    page.goto(f"/p/{post.pk}")
    expect(page.get_by_text("Until then you cannot post, comment or follow")).to_be_visible()
    wrong |= faults_of(page, "/p/unconfirmed")
    page.get_by_role("button", name="Send the mail again").click()
    expect(page.get_by_text("We have sent a mail to bob@example.org.")).to_be_visible()
    assert wrong == {}


def test_stored_theme_is_that_of_the_first_paint(site, alice):
    """Whatever the device prefers, also on a page about an error: the page is never painted in another theme."""
    site.expected.append(r"status of 404|^404 ")
    services.update_profile(alice, changes={"settings": {"theme": "dark"}})
    page = site.open(alice, scheme="light")
    # The background before any script: there is no style and no script in the page that could change it.
    for path in ("/settings", "/@nobody"):
        page.goto(path, wait_until="commit")
        page.wait_for_load_state("domcontentloaded")
        colour = page.evaluate("() => getComputedStyle(document.documentElement).backgroundColor")
        assert colour == "rgb(15, 18, 20)", path
