"""Profiles, lists of people and search in Chromium."""

import pytest
from playwright.sync_api import expect

from apps.accounts.models import User
from apps.social.models import Block, Follow, FollowRequest
from apps.social.services import follow
from tests.console.browser.axe import faults
from tests.factories import FollowFactory, PostFactory, UserFactory
from tests.web.browser.conftest import DESKTOP, PHONE

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def alice(db):
    return UserFactory(handle="alice", bio="Sea, sky and #husum.", website="https://alice.example.org")


@pytest.fixture
def bob(alice):
    return UserFactory(handle="bob")


def hold(page, pattern):
    """Let requests wait, so that the page is seen before the response. Returns a function that lets them go on."""
    waiting = []
    page.route(pattern, lambda route: waiting.append(route))

    def go_on():
        for route in waiting:
            route.continue_()
        page.unroute(pattern)

    return go_on


def focused(page):
    return page.evaluate("() => document.activeElement.innerText || document.activeElement.ariaLabel || ''").strip()


def test_follow_button_reacts_at_once(site, alice, bob):
    """24: a press shows "Following" or "Requested" before the response, and keeps the focus."""
    User.objects.filter(pk=UserFactory(handle="dora").pk).update(is_private=True)
    page = site.open(bob)
    for handle, label in (("alice", "Following"), ("dora", "Requested")):
        page.goto(f"/@{handle}")
        go_on = hold(page, "**/follow")
        page.get_by_role("button", name="Follow", exact=False).focus()
        page.keyboard.press("Enter")
        expect(page.get_by_role("button", name=label)).to_be_focused()
        go_on()
        expect(page.get_by_role("button", name=f"{label} @{handle}")).to_be_focused()
    assert Follow.objects.filter(followed=alice).exists()
    assert FollowRequest.objects.exists()
    # The number of followers follows.
    page.goto("/@alice")
    expect(page.locator(".counts")).to_contain_text("1 follower")
    page.get_by_role("button", name="Following").click()
    expect(page.locator(".counts")).to_contain_text("0 followers")
    # The message undoes it.
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("button", name="Following @alice")).to_be_visible()
    expect(page.locator(".counts")).to_contain_text("1 follower")


def test_unfollowing_a_private_account_asks_first(site, alice, bob):
    """24 and 37: the dialog closes by Escape and by the back button, and returns the focus."""
    FollowFactory(follower=bob, followed=alice)
    User.objects.filter(pk=alice.pk).update(is_private=True)
    page = site.open(bob)
    page.goto("/explore")
    page.goto("/@alice")
    button, dialog = page.get_by_role("button", name="Following"), page.get_by_role("dialog")
    for close in (lambda: page.keyboard.press("Escape"), page.go_back, dialog.get_by_text("Cancel").click):
        button.focus()
        page.keyboard.press("Enter")
        expect(dialog).to_contain_text("@alice is private.")
        assert faults(page) == []
        close()
        expect(dialog).to_be_hidden()
        expect(button).to_be_focused()
        assert page.url.endswith("/@alice")
    assert Follow.objects.exists()
    button.click()
    dialog.get_by_role("button", name="Unfollow").click()
    expect(page.get_by_text("This account is private.")).to_be_visible()
    assert not Follow.objects.exists()
    # The dialogs have left no entries in the history.
    page.go_back()
    expect(page.get_by_role("heading", name="Explore")).to_be_visible()


def test_block_and_mute_can_be_undone_by_keyboard(site, alice, bob):
    """25: for eight seconds a message offers "Undo", by button and by Ctrl+Z."""
    FollowFactory(follower=bob, followed=alice)
    PostFactory(author=alice, photos=1)
    page = site.open(bob)
    page.goto("/@alice")
    menu = page.locator(".profile summary")
    menu.click()
    page.get_by_role("button", name="Mute").click()
    expect(page.get_by_text("You muted @alice.")).to_be_visible()
    expect(menu).to_be_focused()
    page.wait_for_timeout(7000)
    page.keyboard.press("Control+z")
    expect(page.locator(".profile").get_by_text("Muted")).to_have_count(0)
    page.locator(".profile summary").click()
    page.get_by_role("button", name="Block").click()
    page.get_by_role("dialog").get_by_role("button", name="Block").click()
    expect(page.locator("#profile")).to_contain_text("You blocked @alice.")
    expect(page.locator(".tile")).to_have_count(0)
    page.get_by_role("button", name="Undo").focus()
    page.keyboard.press("Enter")
    expect(page.locator(".tile")).to_have_count(1)
    expect(page.get_by_role("button", name="Following @alice")).to_be_visible()
    assert not Block.objects.exists()
    assert Follow.objects.filter(follower=bob).exists()


def test_rejected_request_can_be_undone_and_the_focus_moves_on(site, alice):
    """25 and 26: the request is rejected when the message goes; the focus moves to the next request."""
    User.objects.filter(pk=alice.pk).update(is_private=True)
    for handle in ("ann", "ben", "cem"):
        follow("alice", by=UserFactory(handle=handle).pk)
    page = site.open(alice)
    page.clock.install()
    page.goto("/requests")
    page.get_by_role("button", name="Reject @ben").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Reject @ann")).to_be_focused()
    expect(page.locator(".person")).to_have_count(2)
    assert FollowRequest.objects.count() == 3
    page.get_by_role("button", name="Undo").click()
    expect(page.locator(".person")).to_have_count(3)
    page.get_by_role("button", name="Reject @ann").click()
    with page.expect_response("**/reject"):
        page.clock.fast_forward(9000)
    expect(page.get_by_role("button", name="Undo")).to_have_count(0)
    assert FollowRequest.objects.count() == 2
    # A page that is left does at once what was postponed.
    page.get_by_role("button", name="Reject @ben").click()
    with page.expect_response("**/reject"):
        page.get_by_role("link", name="Explore").first.click()
    expect(page.get_by_role("heading", name="Explore")).to_be_visible()
    assert FollowRequest.objects.count() == 1
    page.goto("/requests")
    page.get_by_role("button", name="Accept @cem").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Follow back @cem")).to_be_focused()


def test_followers_are_removed_and_the_empty_list_suggests_the_next_step(site, alice, bob):
    """20 and 26: the last removal shows what to do next, and the focus stays on the page."""
    FollowFactory(follower=bob, followed=alice)
    page = site.open(alice)
    page.goto("/@alice/followers")
    page.get_by_role("button", name="Remove @bob").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("There are no followers yet.")).to_be_visible()
    expect(page.locator("#main")).to_be_focused()
    page.keyboard.press("Control+z")
    expect(page.get_by_text("There are no followers yet.")).to_be_hidden()
    assert Follow.objects.exists()


def test_search_as_you_type(site, alice, bob):
    """Results appear while typing; the address and the tabs follow, and the history gets one entry."""
    UserFactory(handle="alexandra")
    page = site.open(bob)
    page.goto("/explore")
    page.get_by_role("link", name="Search").first.click()
    expect(page.get_by_role("searchbox")).to_be_focused()
    page.keyboard.type("al", delay=30)
    expect(page.locator(".person")).to_have_count(2)
    page.keyboard.type("exandra", delay=30)
    expect(page.locator(".person")).to_have_count(1)
    expect(page.get_by_role("status").filter(has_text="1 result.")).to_have_count(1)
    assert page.url.endswith("/search?q=alexandra")
    expect(page.get_by_role("searchbox")).to_be_focused()
    page.get_by_role("link", name="Tags").click()
    expect(page.get_by_text("Nothing was found for “alexandra”")).to_be_visible()
    expect(page.get_by_role("link", name="Tags")).to_have_attribute("aria-current", "page")
    page.go_back()
    expect(page.locator(".person")).to_have_count(1)
    page.go_back()
    expect(page.get_by_role("heading", name="Explore")).to_be_visible()


def test_search_without_javascript(site, alice, bob):
    page = site.open(bob, java_script_enabled=False)
    page.goto("/search")
    page.get_by_role("searchbox").fill("alice")
    page.get_by_role("button", name="Search").click()
    page.get_by_role("button", name="Follow @alice").click()
    expect(page.get_by_role("button", name="Following @alice")).to_be_visible()
    page.goto("/@alice")
    page.locator(".profile summary").click()
    page.get_by_role("button", name="Mute").click()
    expect(page.get_by_text("You muted @alice.")).to_be_visible()


def test_mentions_and_tags_complete(site, alice, bob):
    """23: `@al` and `#hu` complete in a combobox by arrow keys, Enter, Escape and by pointer."""
    from apps.content import services

    post = PostFactory(author=alice, photos=1)
    services.update_post(post, changes={"caption": "#husum"})
    page = site.open(bob)
    page.goto(f"/p/{post.pk}")
    field = page.get_by_label("Add a comment")
    field.focus()
    expect(field).to_have_attribute("role", "combobox")
    page.keyboard.type("Hello @al", delay=20)
    option = page.get_by_role("option", name="@alice")
    expect(option).to_be_visible()
    expect(field).to_have_attribute("aria-expanded", "true")
    assert faults(page) == []
    page.keyboard.press("ArrowDown")
    expect(option).to_have_attribute("aria-selected", "true")
    assert field.get_attribute("aria-activedescendant") == option.get_attribute("id")
    page.keyboard.press("Enter")
    expect(field).to_have_value("Hello @alice ")
    expect(field).to_have_attribute("aria-expanded", "false")
    page.keyboard.type("at #hu", delay=20)
    page.get_by_role("option", name="#husum").click()
    expect(field).to_have_value("Hello @alice at #husum ")
    expect(field).to_be_focused()
    page.keyboard.type("@al", delay=20)
    expect(option).to_be_visible()
    page.keyboard.press("Escape")
    expect(option).to_have_count(0)
    expect(field).to_have_value("Hello @alice at #husum @al")


def test_boosted_navigation_moves_focus_and_announces_the_title(site, alice, bob):
    """36: a boosted link starts the new page at its top, with the focus on its content."""
    FollowFactory(follower=bob, followed=alice)
    for _ in range(4):
        PostFactory(author=alice, photos=1)
    page = site.open(bob)
    page.goto("/")
    page.keyboard.press("Tab")
    assert focused(page) == "Skip to content"
    page.keyboard.press("Enter")
    expect(page.locator("#main")).to_be_focused()
    page.evaluate("() => scrollTo(0, 900)")
    page.get_by_role("link", name="Explore").first.click()
    expect(page.get_by_role("heading", name="Explore")).to_be_visible()
    expect(page.locator("#main")).to_be_focused()
    expect(page.locator("#announcer")).to_have_text("Explore · Photogram")
    assert page.title() == "Explore · Photogram"
    assert page.evaluate("() => scrollY") == 0
    expect(page.get_by_role("navigation", name="Main").get_by_role("link", name="Explore")).to_have_attribute(
        "aria-current", "page"
    )
    # Scripts of the page that was swapped in work.
    page.get_by_role("link", name="Feed").first.click()
    like = page.get_by_role("button", name="Like").first
    with page.expect_response("**/like"):
        like.click()
    expect(like).to_have_attribute("aria-pressed", "true")
    # An error is shown as a page.
    site.expected += ["404"]
    page.evaluate("() => document.querySelector('.nav-item[href=\"/explore\"]').setAttribute('href', '/@nobody')")
    page.get_by_role("link", name="Explore").first.click()
    expect(page.get_by_role("heading", name="Not found.")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [PHONE, DESKTOP], ids=["phone", "desktop"])
def test_pages_of_people_are_accessible(site, alice, bob, size, scheme):
    FollowFactory(follower=bob, followed=alice)
    FollowFactory(follower=UserFactory(handle="carol"), followed=bob)
    User.objects.filter(pk=bob.pk).update(is_private=True)
    follow("bob", by=UserFactory(handle="dora").pk)
    PostFactory(author=alice, photos=2)
    page = site.open(bob, size=size, scheme=scheme)
    paths = ["/@alice", "/@bob", "/@bob/followers", "/@alice/following", "/requests", "/suggestions", "/explore"]
    for path in [*paths, "/search?q=al", "/search?q=hus&type=tags", "/tags/husum"]:
        page.goto(path)
        assert faults(page) == [], path
    page.goto("/@alice")
    page.locator(".profile summary").click()
    assert faults(page) == []
    visitor = site.open(size=size, scheme=scheme)
    for path in ("/@alice", "/@bob", "/explore", "/search?q=al"):
        visitor.goto(path)
        assert faults(visitor) == [], path


def test_pages_of_people_at_320_pixels(site, alice, bob):
    FollowFactory(follower=bob, followed=alice)
    User.objects.filter(pk=bob.pk).update(is_private=True, display_name="W" * 50)
    follow("bob", by=UserFactory(handle="a" * 30).pk)
    page = site.open(bob, size={"width": 320, "height": 640})
    for path in ("/@alice", "/@bob", "/@alice/followers", "/requests", "/search?q=a", "/explore", "/suggestions"):
        page.goto(path)
        assert page.evaluate("() => document.documentElement.scrollWidth") <= 320, path
