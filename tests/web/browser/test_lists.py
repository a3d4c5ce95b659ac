"""Lists in Chromium: the next page, the back button, failures and ends."""

import pytest
from playwright.sync_api import expect

from tests.factories import FollowFactory, PostFactory, UserFactory

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]
POSTS = "article.post"


@pytest.fixture
def feed_of(monkeypatch):
    """`feed_of(bob, 12)`: bob follows alice, who has that many posts. A page has three posts."""
    monkeypatch.setattr("apps.web.views.feed.POSTS", 3)

    def make(reader, number):
        alice = UserFactory(handle="alice")
        FollowFactory(follower=reader, followed=alice)
        return [PostFactory(author=alice, caption=f"Post {at}") for at in range(number)]

    return make


def load_all(page, number):
    for _ in range(number):
        if page.locator(POSTS).count() >= number:
            break
        page.mouse.wheel(0, 100_000)
        page.wait_for_timeout(60)
    expect(page.locator(POSTS)).to_have_count(number)


def test_next_page_loads_before_the_end_and_the_end_is_stated(site, feed_of):
    """15 and 20: one screen before the end of the list the next page is loaded; the end is stated."""
    bob = UserFactory(handle="bob")
    feed_of(bob, 10)
    page = site.open(bob, size={"width": 800, "height": 400})
    page.goto("/")
    expect(page.locator(POSTS)).to_have_count(3)
    page.evaluate("() => scrollTo(0, document.documentElement.scrollHeight - 2.5 * innerHeight)")
    expect(page.locator(POSTS)).to_have_count(6)
    load_all(page, 10)
    expect(page.get_by_text("You have seen everything.")).to_be_visible()
    keys = page.locator(POSTS).evaluate_all("posts => posts.map(post => post.dataset.key)")
    assert len(set(keys)) == 10


@pytest.mark.parametrize("is_boosted", [False, True])
def test_back_button_restores_five_pages_and_the_position(site, feed_of, is_boosted):
    """16: five pages and the position, with the present state of the likes."""
    bob = UserFactory(handle="bob")
    posts = feed_of(bob, 15)
    page = site.open(bob)
    page.goto("/")
    load_all(page, 15)
    target = page.locator(f"#post-{posts[2].pk}")
    target.scroll_into_view_if_needed()
    before = target.bounding_box()["y"]
    if is_boosted:
        page.get_by_role("link", name="Explore").first.click()
        expect(page.get_by_role("heading", name="Explore")).to_be_visible()
    else:
        page.goto(f"/p/{posts[2].pk}")
        with page.expect_response("**/like"):
            page.get_by_role("button", name="Like").click()
    page.go_back()
    expect(page.locator(POSTS)).to_have_count(15)
    page.wait_for_timeout(200)
    assert abs(target.bounding_box()["y"] - before) < 8
    if not is_boosted:
        expect(target.get_by_role("button", name="Like")).to_have_attribute("aria-pressed", "true")
