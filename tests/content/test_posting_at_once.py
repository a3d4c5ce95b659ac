"""Posting in one statement, where nothing else is concerned: it decides as the way step by step does."""

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import product

import pytest
from django.db import transaction

from apps.content import services
from apps.content.models import Post, PostTag, Tag
from apps.media.models import Media
from apps.safety import newcomers, terms
from apps.safety.models import BlockedTerm
from tests.factories import make_media, make_user
from tests.threads import in_own_connection, in_threads, somebody_waits_for_a_lock
from tests.waiting import eventually

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def remembered():
    terms.in_force.get()
    newcomers.in_force.get()
    yield
    terms.in_force.clear()


@pytest.fixture
def no_steps(monkeypatch):
    def unexpected(*_):
        raise AssertionError("went step by step")

    monkeypatch.setattr(services, "_create", unexpected)


@pytest.mark.parametrize(("visibility", "is_private"), list(product(Post.Visibility.values, [False, True])))
def test_p6_its_photos_are_exposed_if_everybody_may_see_it(alice, no_steps, visibility, is_private):
    type(alice).objects.filter(pk=alice.pk).update(is_private=is_private)
    photos = [make_media(alice), make_media(alice)]
    post = services.create_post(author_id=alice.pk, media_ids=[photo.pk for photo in photos], visibility=visibility)
    everybody = Post.objects.open_to_everybody().filter(pk=post.pk).exists()
    assert everybody is (visibility == "public" and not is_private)
    for photo in photos:
        photo.refresh_from_db()
        assert (photo.in_use, photo.wanted_public, photo.next_attempt_at is not None) == (True, everybody, everybody)


def test_it_is_one_statement(alice, no_steps, django_assert_num_queries):
    Tag.objects.create(name="husum")
    photo = make_media(alice, alt_text="Low tide")
    with django_assert_num_queries(1):
        post = services.create_post(author_id=alice.pk, media_ids=[photo.pk], caption="At #husum")
    saved = Post.objects.get(pk=post.pk)
    assert (saved.status, saved.caption, saved.created_at) == ("published", "At #husum", post.created_at)
    assert [tag.tag.name for tag in PostTag.objects.filter(post=post)] == ["husum"]
    alice.refresh_from_db()
    assert alice.post_count == 1


def _unready(alice):
    return {"media_ids": [make_media(alice, status=Media.Status.PROCESSING).pk]}


def _unknown_tag(alice):
    return {"media_ids": [make_media(alice).pk], "caption": "#unheard"}


def _mention(alice):
    make_user("dora")
    return {"media_ids": [make_media(alice).pk], "caption": "with @dora"}


def _suspicious(alice):
    BlockedTerm.objects.create(kind="word", text="spam", comparable="spam", effect="flag", reason="x")
    return {"media_ids": [make_media(alice).pk], "caption": "spam"}


def _suspicious_description(alice):
    BlockedTerm.objects.create(kind="word", text="spam", comparable="spam", effect="flag", reason="x")
    return {"media_ids": [make_media(alice, alt_text="spam").pk]}


@pytest.mark.parametrize("case", [_unready, _unknown_tag, _mention, _suspicious, _suspicious_description])
def test_anything_else_goes_step_by_step(alice, case, monkeypatch):
    steps = []
    create = services._create
    monkeypatch.setattr(services, "_create", lambda *given: steps.append(given) or create(*given))
    given = case(alice)
    terms.in_force.clear()
    post = services.create_post(author_id=alice.pk, **given)
    assert len(steps) == 1
    assert Post.objects.filter(pk=post.pk).count() == 1
    alice.refresh_from_db()
    assert alice.post_count == (0 if case is _unready else 1)


@pytest.mark.django_db(transaction=True)
def test_r3_the_same_photo_goes_into_one_of_ten_posts():
    alice = make_user()
    photo = make_media(alice)

    def post():
        try:
            return services.create_post(author_id=alice.pk, media_ids=[photo.pk]).pk
        except services.Invalid as error:
            return type(error)

    made = in_threads(10, post)
    assert made.count(services.Invalid) == 9
    assert Post.objects.count() == 1
    alice.refresh_from_db()
    assert alice.post_count == 1


@pytest.mark.django_db(transaction=True)
def test_r3_a_change_of_privacy_that_it_has_waited_for_counts():
    """Another transaction holds the author's row and makes the account private: the post waits, and is not exposed."""
    alice = make_user()
    photo = make_media(alice)
    with ThreadPoolExecutor() as pool:
        with transaction.atomic():
            type(alice).objects.filter(pk=alice.pk).update(is_private=True)
            create = partial(services.create_post, author_id=alice.pk, media_ids=[photo.pk])
            posts = pool.submit(in_own_connection, create)
            eventually(somebody_waits_for_a_lock, every=0.01)
        posts.result()
    assert Post.objects.count() == 1
    assert not Media.objects.get(pk=photo.pk).wanted_public
