"""Photos stay blurred by the category of every report or decision, on every page that shows them."""

import re

import pytest
from django.urls import reverse

from apps.accounts.models import User
from apps.moderation import services
from tests.factories import CommentFactory, MediaFactory, PostFactory, UserFactory
from tests.moderation.people import make_moderator

pytestmark = pytest.mark.django_db
BLURRED = {"nudity", "violence", "self_harm", "illegal"}


@pytest.fixture
def client(browser):
    return browser(make_moderator("viewer"))


def pages_of(post):
    """The pages that show the photo of the post."""
    return {
        "case": reverse("admin:moderation_flag_case", args=["post", post.pk]),
        "post": reverse("admin:moderation_post", args=[post.pk]),
        "person": reverse("admin:moderation_person", args=[post.author_id]),
        "audit": reverse("admin:moderation_audit"),
        "appeals": reverse("admin:moderation_appeals"),
        "queue": reverse("admin:moderation_flag_queue"),
    }


def images(page):
    """Whether each photo of the page is blurred."""
    main = page.text[page.text.index('id="content"') :]
    return [("pg-sensitive" in image) for image in re.findall("<img[^>]*>", main)]


@pytest.mark.slow
@pytest.mark.parametrize("category", ["nudity", "violence", "self_harm", "illegal", "spam"])
@pytest.mark.parametrize("outcome", ["take_down", "dismiss"])
def test_decided_photo_is_blurred_by_the_category_of_the_report(client, mod, alice, bob, category, outcome):
    post = PostFactory(author=alice)
    flag = services.flag(post, by=bob.pk, category=category)[0]
    assert images(client.get(pages_of(post)["queue"])) == [category in BLURRED]
    if outcome == "take_down":
        action = services.take_down_post(post, by=mod, reason="x", category="other")
        services.appeal(action, by=alice.pk, text="No.")
    services.resolve_flag(flag, by=mod, resolution="resolved" if outcome == "take_down" else "dismissed")
    for name, path in pages_of(post).items():
        shown = images(client.get(path))
        assert set(shown) <= {category in BLURRED}, name
        assert shown or name in {"queue", "appeals"}, name


def test_photo_is_blurred_by_the_category_of_the_decision_alone(client, mod, alice):
    post = PostFactory(author=alice)
    action = services.take_down_post(post, by=mod, reason="x", category="nudity")
    services.appeal(action, by=alice.pk, text="No.")
    services.restore_post(post, by=mod, reason="y")
    for name, path in pages_of(post).items():
        assert set(images(client.get(path))) <= {True}, name


def test_photo_is_blurred_if_another_category_is_more_severe(client, alice, bob, carol):
    post = PostFactory(author=alice)
    services.flag(post, by=bob.pk, category="hate")
    services.flag(post, by=carol.pk, category="nudity")
    assert images(client.get(pages_of(post)["queue"])) == [True]


def test_photo_beside_a_reported_comment_is_blurred_by_reports_about_the_post(client, alice, bob, mod):
    post = PostFactory(author=alice)
    comment = CommentFactory(post=post, author=UserFactory())
    services.flag(comment, by=bob.pk, category="nudity")
    path = reverse("admin:moderation_flag_case", args=["comment", comment.pk])
    assert images(client.get(path)) == [False]
    services.resolve_flag(services.flag(post, by=bob.pk, category="nudity")[0], by=mod, resolution="resolved")
    assert images(client.get(path)) == [True]


def test_avatar_of_a_reported_account_is_blurred(client, mod, alice, bob):
    User.objects.filter(pk=alice.pk).update(avatar=MediaFactory(owner=alice))
    flag = services.flag(alice, by=bob.pk, category="nudity")[0]
    services.resolve_flag(flag, by=mod, resolution="resolved")
    text = CommentFactory(post=PostFactory(author=bob, photos=0), author=alice)
    for path in (
        reverse("admin:moderation_flag_case", args=["comment", text.pk]),
        reverse("admin:moderation_flag_case", args=["user", alice.pk]),
        reverse("admin:moderation_person", args=[alice.pk]),
    ):
        assert set(images(client.get(path))) == {True}


def test_signed_urls_are_in_no_link(client, alice, bob):
    post = PostFactory(author=alice, sensitive=True)
    services.flag(post, by=bob.pk, category="nudity")
    for name, path in pages_of(post).items():
        assert not re.findall(r'href="[^"]*(?:X-Amz|\.webp)', client.get(path).text), name
