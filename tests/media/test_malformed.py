"""A medium with malformed variants is left out of every page, counted, reported and repaired."""

import json

import pytest
from django.db import connection
from prometheus_client import REGISTRY

from apps.feed import explore
from apps.media import checks, inventory
from apps.media.fields import well_formed
from apps.media.models import Media
from apps.moderation.admin import photos
from apps.moderation.cases import reads
from tests.commands import run
from tests.factories import LikeFactory, MediaFactory, PostFactory

pytestmark = pytest.mark.django_db

GOOD = {"name": "thumb", "content_type": "image/webp", "width": 320, "height": 213, "bytes": 9000}
MALFORMED = [
    "[{}]",
    "{}",
    "null",
    "7",
    '"thumb"',
    "[null]",
    "[[]]",
    "[[{}]]",
    '["thumb"]',
    '{"thumb": {}}',
    *(json.dumps([{key: value for key, value in GOOD.items() if key != missing}]) for missing in GOOD),
    *(json.dumps([GOOD | {"name": name}]) for name in ("huge", "../../other", "", None, 7, [], {})),
    *(json.dumps([GOOD | {"content_type": kind}]) for kind in ("text/html", "", None, 7, [], {})),
    *(json.dumps([GOOD | {"width": number}]) for number in (0, -1, "320", 3.5, None, True, 10**12, 10**40, [])),
    '[{"name": "thumb", "content_type": "image/webp", "width": 1e999, "height": 1, "bytes": 1}]',
]


def spoil(medium, variants):
    """Past the model, as a faulty migration or a hand would."""
    with connection.cursor() as cursor:
        cursor.execute("UPDATE media_media SET variants = %s::jsonb WHERE id = %s", [variants, medium.pk])


@pytest.fixture
def posts(alice):
    """A post with a malformed photo and a good photo, one with a malformed photo only, and a good post."""
    mixed, bad, good = (PostFactory(author=alice, caption="boats #boats", photos=n) for n in (2, 1, 1))
    explore.keep_scores()
    return mixed, bad, good


def photos_of(answer):
    assert answer.status_code == 200
    return {post["id"]: len(post["media"]) for post in answer.json()["results"]}


@pytest.mark.parametrize("variants", MALFORMED)
def test_a_page_shows_the_other_photos(api, alice, bob, posts, variants):
    mixed, bad, good = posts
    spoil(mixed.media.first(), variants)
    spoil(bad.media.get(), variants)
    counts = {str(mixed.pk): 1, str(bad.pk): 0, str(good.pk): 1}
    assert photos_of(api(bob).get("/feed")) == counts


def test_every_page_survives(api, alice, bob, anonymous, posts):
    mixed, bad, _ = posts
    for post in (mixed, bad):
        spoil(post.media.first(), "[{}]")
        LikeFactory(post=post, user=bob)
    alice.avatar = MediaFactory(owner=alice, purpose="avatar", in_use=True)
    alice.save()
    spoil(alice.avatar, "[{}]")
    for path in (
        "/users/@alice/posts",
        "/explore",
        "/search/posts?q=boats",
        "/tags/boats/posts",
        "/users/me/liked",
        f"/posts/{mixed.pk}/likes",
        "/search/users?q=alice",
        "/notifications",
        "/users/suggestions",
    ):
        caller = api(alice) if path == "/notifications" else api(bob)
        assert caller.get(path).status_code == 200, path
    assert len(anonymous.get(f"/posts/{mixed.pk}").json()["media"]) == 1
    assert anonymous.get(f"/posts/{bad.pk}").json()["media"] == []
    assert anonymous.get("/users/@alice").status_code == 200
    shown = api(alice).get(f"/media/{bad.media.get().pk}").json()
    assert (shown["status"], shown["variants"]) == ("ready", [])
    assert api(alice).delete(f"/posts/{bad.pk}").status_code == 204


def test_the_console_shows_the_others(alice, posts):
    mixed, bad, _ = posts
    alice.avatar = MediaFactory(owner=alice, purpose="avatar", in_use=True)
    alice.save()
    for medium in (mixed.media.first(), bad.media.get(), alice.avatar):
        spoil(medium, '[{"name": "thumb"}, 7]')
    assert len(photos.photos_of(reads.find("post", mixed.pk).row)) == 1
    assert photos.thumbnail(reads.find("post", bad.pk).row) is None
    assert photos.thumbnail(reads.find("user", alice.pk).row) is None


def test_well_formed_entries_beside_malformed_ones_are_shown():
    assert well_formed([GOOD, {}, None, GOOD | {"width": "wide"}]) == [GOOD]


def test_what_is_left_out_is_counted(api, bob, posts):
    spoil(posts[0].media.first(), "[{}]")
    name = "photogram_media_variants_left_out_total"
    before = REGISTRY.get_sample_value(name)
    api(bob).get("/feed")
    assert REGISTRY.get_sample_value(name) > before


def test_the_system_check_reports_it(posts):
    (message,) = checks.check_variants()
    assert message.id == "photogram.I230"
    spoil(posts[0].media.first(), "[{}]")
    spoil(posts[1].media.get(), "[]")
    (message,) = checks.check_variants()
    assert message.id == "photogram.E231"
    assert message.msg.startswith("2 of")
    assert "--malformed" in message.hint


def test_a_command_has_the_variants_made_again(posts):
    bad = posts[1].media.get()
    spoil(bad, "[{}]")
    Media.objects.filter(pk=bad.pk).update(original_etag="etag")
    assert list(inventory.malformed(Media.objects.all())) == [bad.pk]
    assert run("reprocess_media", "--malformed", "--json").json["handed_over"] == 1
    bad.refresh_from_db()
    assert bad.status == "uploaded"
