"""Every door to a post's existence, for every kind of post and viewer: one table for the whole catalog."""

from datetime import UTC, datetime
from itertools import product

import pytest

from apps.accounts import services as accounts
from apps.content.models import Post, PostTag, Tag
from apps.engagement import comments as engagement
from apps.engagement.models import Like, Save
from apps.feed import explore
from apps.notifications.models import Notification, NotificationEvent
from tests.conftest import Caller
from tests.factories import PASSWORD, BlockFactory, FollowFactory, PostFactory, UserFactory

pytestmark = pytest.mark.django_db
VIEWERS = ["anonymous", "stranger", "follower", "blocked", "blocker"]
EVERYBODY = {"anonymous", "stranger", "follower"}
# kind of post → who of the viewers may know of it
POSTS = {
    "public": EVERYBODY,
    "for followers": {"follower"},
    "of a private account": {"follower"},
    "taken down": set(),
    "of a suspended account": set(),
    "of an account that leaves": set(),
}
# door → who may find it there at most (explore is for what everybody may see)
LISTS = {
    "/tags/husum/posts": lambda kind: POSTS[kind],
    "/search/posts?q=low+tide": lambda kind: POSTS[kind],
    "/search/posts?q=%23husum": lambda kind: POSTS[kind],
    "/users/@alice/posts": lambda kind: POSTS[kind],
    "/users/me/liked": lambda kind: POSTS[kind] - {"anonymous"},
    "/users/me/saved": lambda kind: POSTS[kind] - {"anonymous"},
    "/feed": lambda kind: POSTS[kind] & {"follower"},
    "/explore": lambda kind: POSTS[kind] if kind == "public" else set(),
}


@pytest.fixture
def world(alice):
    """Alice's post, which everybody liked, saved and was told of while they could see it."""
    post = PostFactory(author=alice, caption="Low tide #husum", published_at=datetime.now(UTC))
    PostTag.objects.create(post=post, tag=Tag.objects.create(name="husum"), position=0)
    engagement.comment(post.pk, by=alice.pk, text="mine")
    people = {kind: UserFactory(handle=kind) for kind in VIEWERS if kind != "anonymous"}
    FollowFactory(follower=people["follower"], followed=alice)
    for person in people.values():
        Like.objects.create(post=post, user=person)
        Save.objects.create(post=post, user=person)
        told = Notification.objects.create(recipient=person, type="mention", post=post)
        NotificationEvent.objects.create(notification=told, recipient=person, actor=alice, cause=post.pk)
    explore.keep_scores()
    BlockFactory(blocker=alice, blocked=people["blocked"])
    BlockFactory(blocker=people["blocker"], blocked=alice)
    callers = {kind: Caller(people.get(kind)) for kind in VIEWERS}
    return post, callers


def hide(kind, post):
    author = post.author
    if kind == "for followers":
        Post.objects.update(visibility="followers")
    if kind == "taken down":
        Post.objects.update(taken_down_at=datetime.now(UTC))
    if kind == "of a private account":
        accounts.update_profile(author, changes={"is_private": True})
    if kind == "of a suspended account":
        accounts.suspend(author, reason="spam")
    if kind == "of an account that leaves":
        accounts.leave(author, password=PASSWORD)


@pytest.mark.promise("P2", "P5", "P6")
@pytest.mark.parametrize("kind", list(POSTS))
def test_hidden_content_is_hidden_in_every_list(kind, world, subtests):
    post, callers = world
    hide(kind, post)
    for (door, readers), (viewer, caller) in product(LISTS.items(), callers.items()):
        with subtests.test(door=door, viewer=viewer):
            answer = caller.get(door)
            rows = answer.json()["results"] if answer.status_code == 200 else []
            assert (str(post.pk) in [row["id"] for row in rows]) is (viewer in readers(kind))


@pytest.mark.promise("P4")
@pytest.mark.parametrize("kind", list(POSTS))
def test_likes_and_comments_are_visible_only_with_their_post(kind, world):
    post, callers = world
    hide(kind, post)
    for inside, (viewer, caller) in product(("", "/comments", "/likes"), callers.items()):
        if viewer == "anonymous" and inside == "/likes":
            continue
        expected = 200 if viewer in POSTS[kind] else 404
        assert caller.get(f"/posts/{post.pk}{inside}").status_code == expected, (inside, viewer)


@pytest.mark.promise("P2", "P5")
@pytest.mark.parametrize("kind", list(POSTS))
def test_users_are_not_notified_of_invisible_content(kind, world):
    post, callers = world
    hide(kind, post)
    for viewer, caller in callers.items():
        if viewer == "anonymous":
            continue
        told = [row["post_id"] for row in caller.get("/notifications").json()["results"]]
        assert told == ([str(post.pk)] if viewer in POSTS[kind] else []), viewer
        assert caller.get("/notifications/unread-count").json()["unread"] == len(told)


@pytest.mark.promise("P2")
@pytest.mark.parametrize("kind", list(POSTS))
def test_count_of_a_tag_contains_visible_posts_only(kind, world):
    post, callers = world
    hide(kind, post)
    for viewer, caller in callers.items():
        counted = {row["tag"]: row["posts"] for row in caller.get("/search/tags?q=hus").json()["results"]}
        assert counted == ({"husum": 1} if viewer in POSTS[kind] else {}), viewer


WRITES = [
    ("post", "/like", None),
    ("delete", "/like", None),
    ("post", "/save", None),
    ("delete", "/save", None),
    ("post", "/comments", {"text": "x"}),
    ("post", "/comment", {"text": "x"}),
]


@pytest.mark.promise("P4")
@pytest.mark.parametrize("kind", [kind for kind in POSTS if kind != "public"])
def test_users_cannot_react_to_invisible_content(kind, world):
    post, callers = world
    hide(kind, post)
    before = (Like.objects.count(), Save.objects.count())
    for (method, path, body), (viewer, caller) in product(WRITES, callers.items()):
        if viewer in POSTS[kind] or viewer == "anonymous":
            continue
        assert getattr(caller, method)(f"/posts/{post.pk}{path}", body).status_code == 404, (method, path, viewer)
        assert (Like.objects.count(), Save.objects.count()) == before, (method, path, viewer)
