"""What each role may read by id: one table of roles, objects and routes. Lists show moderators what all users see."""

from datetime import UTC, datetime

import pytest
from django.contrib.auth.models import Group

from apps.accounts import services as accounts
from apps.accounts.models import User
from apps.content import services as content
from apps.content.models import Post
from tests.conftest import Caller
from tests.factories import PASSWORD, BlockFactory, CommentFactory, FollowFactory, LikeFactory, PostFactory, UserFactory

pytestmark = pytest.mark.django_db
STAFF = {"moderator", "admin", "superuser", "blocked moderator"}
PUBLIC = {"anonymous", "stranger", "follower"}
# {object: (who reads the post, who reads the profile of its author)}
OBJECTS = {
    "public": (PUBLIC | STAFF, PUBLIC | STAFF),
    "for followers": ({"follower"} | STAFF, PUBLIC | STAFF),
    "of a private account": ({"follower"} | STAFF, PUBLIC | STAFF),
    "processing": (STAFF, PUBLIC | STAFF),
    "failed": (STAFF, PUBLIC | STAFF),
    "taken down": (STAFF, PUBLIC | STAFF),
    "of a suspended account": (STAFF, STAFF),
    "of a leaving account": (STAFF, STAFF),
    "deleted": (set(), PUBLIC | STAFF),
    "of an erased account": (STAFF, set()),
}
OF_POST = ["/posts/{post}", "/posts/{post}/comments", "/posts/{post}/likes", "/media/{medium}"]
OF_PROFILE = ["/users/@alice", "/users/{author}/relationship"]
IN_BATCHES = ["/users?ids={author}", "/relationships?ids={author}"]


@pytest.fixture
def callers(alice):
    people = {"anonymous": None, "superuser": UserFactory(is_superuser=True)}
    for role in ("stranger", "follower", "blocked"):
        people[role] = UserFactory()
    for role, group in (
        ("moderator", "moderator"),
        ("admin", "admin"),
        ("blocked moderator", "moderator"),
    ):
        people[role] = UserFactory(is_staff=True)
        people[role].groups.add(Group.objects.get(name=group))
    FollowFactory(follower=people["follower"], followed=alice)
    for role in ("blocked", "blocked moderator"):
        BlockFactory(blocker=alice, blocked=people[role])
    return {role: Caller(person) for role, person in people.items()}


@pytest.fixture
def names(alice):
    post = PostFactory(author=alice)
    LikeFactory(post=post)
    CommentFactory(post=post)
    return {"post": post.pk, "author": alice.pk, "medium": post.items.get().medium_id}


def change(kind, alice, post_id):
    fields = {
        "for followers": {"visibility": "followers"},
        "processing": {"status": "processing"},
        "failed": {"status": "failed"},
        "taken down": {"taken_down_at": datetime.now(UTC)},
    }.get(kind, {})
    if fields:
        Post.objects.filter(pk=post_id).update(**fields)
    if kind == "of a private account":
        accounts.update_profile(alice, changes={"is_private": True})
    if kind == "of a suspended account":
        accounts.suspend(alice, reason="spam")
    if kind == "of a leaving account":
        accounts.leave(alice, password=PASSWORD)
    if kind == "deleted":
        content.delete_post(Post.objects.get(pk=post_id))
    if kind == "of an erased account":
        User.objects.filter(pk=alice.pk).update(state=User.State.ERASED)


@pytest.mark.promise("P7")
@pytest.mark.parametrize("kind", list(OBJECTS))
def test_every_role_reads_the_same_by_every_route(kind, alice, callers, names):
    change(kind, alice, names["post"])
    of_post, of_profile = OBJECTS[kind]
    for role, caller in callers.items():
        for route in OF_POST + OF_PROFILE:
            path = route.format(**names)
            readers = of_post if route in OF_POST else of_profile
            needs_token = path.endswith(("/likes", "/relationship")) or path.startswith("/media/")
            expected = 401 if role == "anonymous" and needs_token else 200 if role in readers else 404
            assert caller.get(path).status_code == expected, (role, route)
        for route in IN_BATCHES if role != "anonymous" else []:
            found = caller.get(route.format(**names)).json()["results"]
            assert bool(found) is (role in of_profile), (role, route)


@pytest.mark.promise("P7")
@pytest.mark.parametrize("kind", [kind for kind in OBJECTS if kind not in {"deleted", "of an erased account"}])
def test_moderators_cannot_write_where_they_only_read(kind, alice, callers, names):
    change(kind, alice, names["post"])
    moderator, post = callers["moderator"], names["post"]
    assert moderator.patch(f"/posts/{post}", {"caption": "x"}).status_code == 403
    assert moderator.delete(f"/posts/{post}").status_code == 403
    assert moderator.patch("/users/@alice", {"bio": "x"}).status_code == 403
    shown = 200 if "moderator" in OBJECTS[kind][0] and "stranger" in OBJECTS[kind][0] else 404
    assert moderator.post(f"/posts/{post}/like").status_code == shown


@pytest.mark.promise("P7")
@pytest.mark.parametrize("kind", ["for followers", "taken down", "of a suspended account"])
def test_lists_show_moderators_what_strangers_see(kind, alice, callers, names):
    change(kind, alice, names["post"])
    for path in ("/users/@alice/posts", "/users/@alice/followers", "/feed", "/search/users?q=alice"):
        seen = [callers[role].get(path) for role in ("stranger", "moderator")]
        assert seen[0].status_code == seen[1].status_code
        if seen[0].status_code == 200:
            assert len(seen[0].json()["results"]) == len(seen[1].json()["results"])
