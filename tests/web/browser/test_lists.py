"""Lists in Chromium: the next page, the back button, failures and ends."""

import pytest
from playwright.sync_api import expect

from tests.factories import FollowFactory, PostFactory, UserFactory

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]
POSTS = "article.post"
LOW = {"width": 800, "height": 500}


@pytest.fixture
def feed_of(monkeypatch):
    """`feed_of(bob, 12)`: bob follows alice, who has that many posts. A page has five posts."""
    monkeypatch.setattr("apps.web.views.feed.POSTS", 5)

    def make(reader, number):
        alice = UserFactory(handle="alice")
        FollowFactory(follower=reader, followed=alice)
        return [PostFactory(author=alice, photos=1, caption=f"Post {at}") for at in range(number)]

    return make


def load_all(page, number):
    for _ in range(3 * number):
        if page.locator(POSTS).count() >= number:
            break
        page.mouse.wheel(0, 100_000)
        page.wait_for_timeout(60)
    expect(page.locator(POSTS)).to_have_count(number)


def keys_of(page):
    return page.locator(POSTS).evaluate_all("posts => posts.map(post => post.dataset.key)")


def test_next_page_loads_before_the_end_and_the_end_is_stated(site, feed_of):
    """15 and 20: one screen before the end of the list the next page is loaded; the end is stated."""
    bob = UserFactory(handle="bob")
    feed_of(bob, 12)
    page = site.open(bob, size=LOW)
    page.goto("/")
    expect(page.locator(POSTS)).to_have_count(5)
    page.evaluate("() => scrollTo(0, document.documentElement.scrollHeight - 3 * innerHeight)")
    page.wait_for_timeout(300)
    expect(page.locator(POSTS)).to_have_count(5)
    page.evaluate("() => scrollTo(0, document.documentElement.scrollHeight - 1.8 * innerHeight)")
    expect(page.locator(POSTS)).to_have_count(10)
    load_all(page, 12)
    expect(page.get_by_text("You have seen everything.")).to_be_visible()
    assert len(set(keys_of(page))) == 12


@pytest.mark.parametrize("is_boosted", [False, True])
def test_back_button_restores_five_pages_and_the_position(site, feed_of, is_boosted):
    """16: five pages and the position, with the present state of the likes, and without posts that are gone."""
    bob = UserFactory(handle="bob")
    posts = feed_of(bob, 25)
    page = site.open(bob, size=LOW)
    page.goto("/")
    load_all(page, 25)
    target = page.locator(f"#post-{posts[6].pk}")
    target.scroll_into_view_if_needed()
    page.wait_for_timeout(100)
    before = target.bounding_box()["y"]
    if is_boosted:
        page.get_by_role("link", name="Explore").first.click()
        expect(page.get_by_role("heading", name="Explore")).to_be_visible()
        count = 25
    else:
        page.goto(f"/p/{posts[6].pk}")
        with page.expect_response("**/like"):
            page.get_by_role("button", name="Like").first.click()
        posts[0].delete()
        count = 24
    page.go_back()
    expect(page.locator(POSTS)).to_have_count(count)
    page.wait_for_timeout(200)
    assert abs(target.bounding_box()["y"] - before) < 8
    if not is_boosted:
        expect(target.get_by_role("button", name="Like")).to_have_attribute("aria-pressed", "true")
        expect(target.get_by_text("1 like")).to_be_visible()


def test_lists_are_forgotten_when_the_member_signs_out(site, feed_of):
    """16: after signing out nothing of the lists is left in the browser."""
    bob = UserFactory(handle="bob")
    feed_of(bob, 6)
    page = site.open(bob)
    page.goto("/")
    page.goto("/explore")
    assert page.evaluate("() => Object.keys(sessionStorage).length") >= 1
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("link", name="Join").first).to_be_visible()
    assert page.evaluate("() => Object.keys(sessionStorage).filter(key => key.startsWith('list ')).length") == 0
    page.go_back()
    expect(page.locator(POSTS)).to_have_count(0)


def test_failed_page_offers_to_try_again_and_loses_nothing(site, feed_of):
    """17: the posts stay, and a press on "Try again" loads the page."""
    site.expected += ["ERR_FAILED", "Failed to fetch", "503"]
    bob = UserFactory(handle="bob")
    feed_of(bob, 7)
    page = site.open(bob, size=LOW)
    page.goto("/")
    page.route("**/?cursor=*", lambda route: route.abort())
    page.get_by_role("link", name="More", exact=True).scroll_into_view_if_needed()
    again = page.get_by_role("link", name="Try again")
    expect(again).to_be_visible()
    expect(page.get_by_text("This part of the list could not be loaded.")).to_be_visible()
    expect(page.locator(POSTS)).to_have_count(5)
    page.unroute("**/?cursor=*")
    page.route("**/?cursor=*", lambda route: route.fulfill(status=503))
    again.click()
    expect(page.get_by_text("This part of the list could not be loaded.")).to_be_visible()
    page.unroute("**/?cursor=*")
    # By keyboard the focus moves to the first new post.
    again.focus()
    page.keyboard.press("Enter")
    expect(page.locator(POSTS)).to_have_count(7)
    assert page.evaluate("() => document.activeElement.closest('article')?.dataset.key") == keys_of(page)[5]


def test_no_post_appears_twice(site, feed_of):
    """18: while posts are added, and even if the server sends a post again."""
    bob = UserFactory(handle="bob")
    posts = feed_of(bob, 8)
    page = site.open(bob, size=LOW)
    page.goto("/")
    first = keys_of(page)[0]
    PostFactory(author=posts[0].author, photos=1)

    def repeat(route):
        response = route.fetch()
        twin = f'<article class="post" data-key="{first}">Again</article>'
        route.fulfill(response=response, body=twin + response.text())

    page.route("**/?cursor=*", repeat)
    load_all(page, 8)
    assert len(set(keys_of(page))) == 8


def test_next_page_without_javascript(site, feed_of):
    """15: a link leads to the next page."""
    bob = UserFactory(handle="bob")
    feed_of(bob, 7)
    page = site.open(bob, java_script_enabled=False)
    page.goto("/")
    page.get_by_role("link", name="More", exact=True).click()
    expect(page.locator(POSTS)).to_have_count(2)
    expect(page.get_by_text("You have seen everything.")).to_be_visible()
