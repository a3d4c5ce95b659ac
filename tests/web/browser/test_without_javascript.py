"""Pages in a Chromium that runs no JavaScript."""

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from apps.engagement.models import Comment, Like
from apps.moderation.models import Flag
from apps.social.models import Follow
from apps.web.lists import POSTS
from tests.factories import PASSWORD, FollowFactory, PostFactory, UserFactory
from tests.web.browser.conftest import PHONE
from tests.web.browser.looks import too_wide

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]


def open_menu(page: Page) -> None:
    page.locator("details.menu summary").first.click()


def test_member_reads_likes_follows_comments_and_reports(site: Any) -> None:
    alice, bob, carol = (UserFactory(handle=name) for name in ("alice", "bob", "carol"))
    FollowFactory(follower=bob, followed=alice)
    posts = [PostFactory(author=alice, caption=f"Post number {number}.", photos=2) for number in range(POSTS + 1)]
    theirs = PostFactory(author=carol, caption="Dunes.")
    page = site.open(size=PHONE, java_script_enabled=False)
    page.goto("/login")
    page.get_by_label("Handle or e-mail address").fill("bob")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("main").get_by_role("button", name="Sign in").click()
    # Reads: the carousel scrolls, and a link leads to the next page (6, 15).
    page.wait_for_url(f"{site.url}/")
    expect(page.locator("article.post")).to_have_count(POSTS)
    track = page.locator(".carousel .track").first
    assert track.evaluate("(track) => track.scrollWidth > track.clientWidth")
    assert track.evaluate("(track) => getComputedStyle(track).overflowX") in {"auto", "scroll"}
    assert too_wide(page) == []
    page.get_by_role("link", name="More", exact=True).click()
    expect(page.locator("article.post")).to_have_count(1)
    page.get_by_role("button", name="Like", exact=True).click()
    expect(page.get_by_role("button", name="Like", exact=True)).to_have_attribute("aria-pressed", "true")
    assert Like.objects.get().post_id == posts[0].pk
    page.goto(f"/p/{theirs.pk}")
    page.get_by_label("Add a comment").fill("What light!")
    page.get_by_role("button", name="Post", exact=True).click()
    expect(page.locator("#comment-list")).to_contain_text("What light!")
    assert Comment.objects.get().post_id == theirs.pk
    open_menu(page)
    page.get_by_role("link", name="Report").first.click()
    page.get_by_label("Spam").check()
    page.get_by_role("button", name="Send report").click()
    expect(page.get_by_role("heading", name="Thank you")).to_be_visible()
    assert Flag.objects.get().target_id == theirs.pk
    page.goto("/@carol")
    page.get_by_role("button", name="Follow", exact=False).first.click()
    expect(page.get_by_role("button", name="Following")).to_be_visible()
    assert Follow.objects.filter(follower=bob, followed=carol).exists()
    page.goto("/new")
    # This browser does not render <noscript> when scripts are turned off by a test.
    assert '<noscript><p class="note">To share photos, turn on JavaScript in your browser' in page.content()
    page.goto("/logout")
    page.get_by_role("main").get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("link", name="Sign in").first).to_be_visible()
    page.goto("/notifications")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
