"""The shell of the pages in Chromium."""

import pytest

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
