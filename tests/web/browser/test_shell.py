"""The shell of the pages in Chromium."""

import time

import pytest
from playwright.sync_api import expect

from tests.factories import FollowFactory, PostFactory, UserFactory

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]


def test_feed_shows_posts_and_a_like_lasts(site):
    alice, bob = UserFactory(handle="alice"), UserFactory(handle="bob")
    FollowFactory(follower=bob, followed=alice)
    PostFactory(author=alice, photos=2, caption="Low tide at #husum")
    page = site.open(bob)
    page.goto("/")
    with page.expect_response("**/like"):
        page.get_by_role("button", name="Like").click()
    assert page.get_by_role("button", name="Like").get_attribute("aria-pressed") == "true"
    page.reload()
    assert page.get_by_role("button", name="Like").get_attribute("aria-pressed") == "true"


def test_closed_dialog_leaves_the_page_as_it_is_although_the_scripts_come_late(site):
    """The entry of the dialog in the history goes, and htmx must not take that for the back button."""
    page = site.open(UserFactory(handle="alice"))

    def delay(route):
        time.sleep(0.5)
        route.continue_()

    page.route("**/app.js", delay)
    page.goto("/")
    page.locator("main").evaluate("(main) => { main.dataset.mark = 'here' }")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()
    page.wait_for_timeout(500)
    expect(page.locator("main")).to_have_attribute("data-mark", "here")
