"""Creating a post: what it stores, and who sees its photos."""

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import product

import pytest
from django.db import transaction

from apps.content import publication, services, tasks
from apps.content.models import Post, PostTag
from apps.core.models import QueuedTask
from apps.media.models import Media
from tests.factories import MediaFactory, UserFactory
from tests.threads import in_own_connection, in_threads, somebody_waits_for_a_lock
from tests.waiting import eventually

pytestmark = pytest.mark.django_db


@pytest.mark.promise("P6")
@pytest.mark.parametrize(("visibility", "is_private"), list(product(Post.Visibility.values, [False, True])))
def test_photos_become_public_only_with_a_public_post(alice, visibility, is_private):
    type(alice).objects.filter(pk=alice.pk).update(is_private=is_private)
    photos = [MediaFactory(owner=alice), MediaFactory(owner=alice)]
    post = services.create_post(author_id=alice.pk, media_ids=[photo.pk for photo in photos], visibility=visibility)
    for row in QueuedTask.objects.filter(task_name=publication.RECONCILE):
        tasks.reconcile_post.apply(kwargs=row.kwargs, throw=True)
    public = Post.objects.public().filter(pk=post.pk).exists()
    assert public is (visibility == "public" and not is_private)
    for photo in photos:
        photo.refresh_from_db()
        assert (photo.in_use, photo.wanted_public) == (True, public)


def test_post_is_stored_with_its_tags_and_counted(alice):
    services.create_post(author_id=alice.pk, media_ids=[MediaFactory(owner=alice).pk], caption="#husum")
    post = services.create_post(author_id=alice.pk, media_ids=[MediaFactory(owner=alice).pk], caption="#tide at #husum")
    saved = Post.objects.get(pk=post.pk)
    assert (saved.status, saved.caption, saved.created_at) == ("published", "#tide at #husum", post.created_at)
    assert list(PostTag.objects.filter(post=post).order_by("position").values_list("tag__name", flat=True)) == [
        "tide",
        "husum",
    ]
    alice.refresh_from_db()
    assert alice.post_count == 2


def test_post_with_unfinished_media_is_not_counted_yet(alice):
    photo = MediaFactory(owner=alice, status=Media.Status.PROCESSING)
    post = services.create_post(author_id=alice.pk, media_ids=[photo.pk])
    assert post.status == Post.Status.PROCESSING
    alice.refresh_from_db()
    assert alice.post_count == 0


@pytest.mark.promise("R3")
@pytest.mark.django_db(transaction=True)
def test_photo_is_used_by_one_of_ten_concurrent_posts():
    alice = UserFactory()
    photo = MediaFactory(owner=alice)

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


@pytest.mark.promise("R3")
@pytest.mark.django_db(transaction=True)
def test_concurrent_posts_with_the_same_new_tags_succeed():
    alice = UserFactory()
    photos = [MediaFactory(owner=alice) for _ in range(6)]
    captions = iter(["#a #b #c", "#c #b #a"] * 3)
    todo = iter(photos)

    def post():
        services.create_post(author_id=alice.pk, media_ids=[next(todo).pk], caption=next(captions))

    in_threads(6, post)
    assert PostTag.objects.count() == 18


@pytest.mark.promise("R3")
@pytest.mark.django_db(transaction=True)
def test_post_respects_a_concurrent_change_of_privacy():
    """Another transaction holds the author's row and makes the account private: the photos do not become public."""
    alice = UserFactory()
    photo = MediaFactory(owner=alice)
    with ThreadPoolExecutor() as pool:
        with transaction.atomic():
            type(alice).objects.filter(pk=alice.pk).update(is_private=True)
            create = partial(services.create_post, author_id=alice.pk, media_ids=[photo.pk])
            posts = pool.submit(in_own_connection, create)
            eventually(somebody_waits_for_a_lock, every=0.01)
        posts.result()
    assert Post.objects.count() == 1
    assert not Media.objects.get(pk=photo.pk).wanted_public
