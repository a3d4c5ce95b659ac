"""What a process remembers of posts never outlives what it depends on."""

import orjson
import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from apps.content.api import remembered
from apps.content.api.cards import post_cards
from apps.content.models import PostMedia
from apps.media.models import Media
from tests.factories import make_post

pytestmark = pytest.mark.django_db


def statements(post, viewer):
    with CaptureQueriesContext(connection) as asked:
        post_cards([post.pk], viewer.pk)
    return len(asked)


@pytest.fixture
def post(alice, carol):
    post = make_post(alice, photos=2, caption="Low tide")
    assert statements(post, carol) == 1
    return post


def shown(caller, author="alice"):
    [card] = caller.get(f"/users/@{author}/posts").json()["results"]
    return card


def test_an_alt_text_is_new_on_the_next_request(api, alice, carol, post):
    first, second = (item.medium_id for item in post.items.order_by("position"))
    api(alice).patch(f"/posts/{post.pk}", {"alt_texts": {str(second): "Two boats"}})
    assert [medium["alt_text"] for medium in shown(api(carol))["media"]] == ["", "Two boats"]
    api(alice).patch(f"/posts/{post.pk}", {"alt_texts": {str(second): "", str(first): "A pier"}})
    assert [medium["alt_text"] for medium in shown(api(carol))["media"]] == ["A pier", ""]


def test_tags_go_with_their_caption(api, alice, carol, post):
    for caption, tags in (("#ebb and #flow", ["ebb", "flow"]), ("#flow", ["flow"]), ("Low tide", [])):
        api(alice).patch(f"/posts/{post.pk}", {"caption": caption})
        assert shown(api(carol))["tags"] == tags


def test_a_photo_that_everybody_could_see_has_other_urls_when_only_followers_may(api, alice, post):
    def urls():
        return {variant["url"] for medium in shown(api(alice))["media"] for variant in medium["variants"]}

    for item in post.items.all():
        Media.objects.filter(pk=item.medium_id).update(public_secret=f"p{item.position}")
    public = urls()
    api(alice).patch(f"/posts/{post.pk}", {"visibility": "followers"})
    assert not any("X-Amz-Signature" in url for url in public)
    assert all("X-Amz-Signature" in url for url in urls())


@pytest.mark.parametrize("change", ["another order", "one is gone"])
def test_photos_are_those_that_the_post_has(carol, post, change):
    first, second = post.items.order_by("position")
    if change == "one is gone":
        first.delete()
    else:
        PostMedia.objects.filter(pk=first.pk).update(position=2)
    [card] = post_cards([post.pk], carol.pk)
    left = [second.medium_id] if change == "one is gone" else [second.medium_id, first.medium_id]
    assert [str(pk) for pk in left] == [medium["id"] for medium in _media(card)]


def test_what_was_rolled_back_is_not_remembered(alice, carol, post):
    with transaction.atomic():
        Media.objects.filter(owner=alice).update(alt_text="Never")
        [card] = post_cards([post.pk], carol.pk)
        assert {medium["alt_text"] for medium in _media(card)} == {"Never"}
        transaction.set_rollback(True)
    [card] = post_cards([post.pk], carol.pk)
    assert {medium["alt_text"] for medium in _media(card)} == {""}


def test_what_is_unchanged_costs_one_statement_and_what_has_changed_one_more(carol, post):
    assert statements(post, carol) == 1
    Media.objects.filter(pk=post.items.first().medium_id).update(alt_text="Two boats")
    assert [statements(post, carol) for _ in range(2)] == [2, 1]


def test_no_more_is_remembered_than_there_is_room_for(monkeypatch, alice, carol):
    monkeypatch.setattr(remembered, "_posts", {})
    monkeypatch.setattr(remembered, "LIMIT", 3)
    posts = [make_post(alice) for _ in range(5)]
    cards = post_cards([post.pk for post in posts], carol.pk)
    assert len(cards) == 5
    assert len(remembered.of(post.pk.bytes for post in posts)) == 3


def _media(card):
    return orjson.loads(orjson.dumps(card))["media"]
