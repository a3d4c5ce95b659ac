"""What each hot endpoint may ask of the database: the number of its statements, on a warm cache.

The transaction of a write is not counted: it is a savepoint here, within the test's own.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.db import connection

from apps.content.models import Post, PostTag, Tag
from apps.engagement.models import Like, Save
from apps.notifications.models import Notification, NotificationEvent
from apps.safety import newcomers, terms
from apps.site import reads as site
from tests.conftest import Caller
from tests.factories import CommentFactory, FollowFactory, MediaFactory, PostFactory, UserFactory

pytestmark = pytest.mark.django_db

POST = "019ab8a4-6c1e-7d3f-9a51-3f5c0e7b2d10"
LIKED = "019ab8a4-6c1e-7d3f-9a51-3f5c0e7b2d11"
MEDIUM = "019ab8a4-6c1e-7d3f-9a51-3f5c0e7b2d12"

READS = {
    "/feed": 1,
    "/users/@alice": 1,
    "/users/@alice/posts": 3,
    "/users/@alice/followers": 2,
    "/users/@alice/following": 2,
    "/users/@alice/relationship": 1,
    f"/posts/{POST}": 1,
    f"/posts/{POST}/comments": 3,
    f"/posts/{POST}/likes": 2,
    "/notifications": 2,
    "/notifications/unread-count": 1,
    "/users/me/liked": 2,
    "/users/me/saved": 2,
    "/tags/husum/posts": 3,
    "/explore": 2,
    "/search/posts?q=tide": 2,
    "/search/users?q=alice": 2,
}
# call → (body, statements the first time, and when it changes nothing any more)
WRITES = {
    f"POST /posts/{POST}/like": (None, 5, 3),
    f"DELETE /posts/{LIKED}/like": (None, 5, 3),
    f"POST /posts/{POST}/save": (None, 2, 2),
    "POST /users/@dora/follow": (None, 6, 2),
    "POST /users/@alice/unfollow": (None, 6, 2),
    "POST /users/@dora/mute": (None, 4, 3),
    "POST /users/@alice/unmute": (None, 3, 3),
    "POST /users/@dora/remove-follower": (None, 2, 2),
    "POST /users/@alice/block": (None, 9, 4),
    f"POST /posts/{POST}/comments": ({"text": "What light!"}, 5, 5),
}


@pytest.fixture
def caller(alice, bob):
    dora = UserFactory(handle="dora")
    FollowFactory(follower=dora, followed=alice)
    tag = Tag.objects.create(name="husum")
    for pk in (POST, LIKED):
        post = PostFactory(author=alice, photos=2, pk=pk, caption="Low tide")
        PostTag.objects.create(post=post, tag=tag, position=0)
        CommentFactory(post=post, author=dora)
        Like.objects.create(post=post, user=dora)
    Like.objects.create(post_id=LIKED, user=bob)
    Post.objects.filter(pk=LIKED).update(like_count=2)
    Save.objects.create(post_id=LIKED, user=bob)
    told = Notification.objects.create(recipient=bob, type="like", post_id=LIKED)
    NotificationEvent.objects.create(notification=told, recipient=bob, actor=dora, cause=told.pk)
    MediaFactory(owner=bob, pk=MEDIUM)
    caller = Caller(bob)
    caller.get("/auth/me")
    terms.in_force.get()
    newcomers.in_force.get()
    site.current()
    site.documents_in_effect()
    return caller


@contextmanager
def statements() -> Iterator[list[str]]:
    asked: list[str] = []

    def note(execute, sql, params, many, context):
        if "SAVEPOINT" not in sql:
            asked.append(sql)
        return execute(sql, params, many, context)

    with connection.execute_wrapper(note):
        yield asked


def ask(caller, call, body=None):
    method, path = call.split(" ")
    with statements() as asked:
        answer = getattr(caller, method.lower())(path, body)
    assert answer.status_code in {200, 201}, answer.content
    return asked


def test_read_stays_within_its_budget(caller, subtests):
    for path, most in READS.items():
        with subtests.test(path=path):
            caller.get(path)
            asked = ask(caller, f"GET {path}")
            assert len(asked) <= most, asked


@pytest.mark.parametrize(("call", "budget"), WRITES.items())
def test_write_stays_within_its_budget(caller, call, budget):
    body, first, again = budget
    for most in (first, again):
        asked = ask(caller, call, body)
        assert len(asked) <= most, asked


@pytest.mark.parametrize(("caption", "most"), [("Low tide at #husum", 7), ("with @dora", 9), ("#new", 12)])
def test_creating_a_post_stays_within_its_budget(caller, caption, most):
    asked = ask(caller, "POST /posts", {"media_ids": [MEDIUM], "caption": caption})
    assert len(asked) <= most, asked


def test_idempotency_key_costs_at_most_three_statements(caller):
    path, body = f"/posts/{POST}/comments", {"text": "What light!"}
    with statements() as asked:
        assert caller.post(path, body, HTTP_IDEMPOTENCY_KEY="k").status_code == 201
    assert len(asked) <= WRITES[f"POST {path}"][1] + 3, asked
