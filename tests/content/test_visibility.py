"""Who sees which post, at every door. The one rule, as a table."""

from datetime import UTC, datetime

import pytest

from apps.accounts import services as accounts
from apps.content.models import Post
from apps.social.models import FollowRequest
from tests.conftest import Caller
from tests.factories import BlockFactory, FollowFactory, PostFactory, UserFactory

pytestmark = pytest.mark.django_db

VIEWERS = ["nobody", "stranger", "requester", "follower", "blocked", "blocker", "author", "moderator"]
EVERYBODY = {"nobody", "stranger", "requester", "follower", "author", "moderator"}
FOLLOWERS = {"follower", "author"}

# kind of post → who sees it in lists, and by its id (where a moderator sees any).
POSTS = {
    "public": EVERYBODY,
    "for followers": FOLLOWERS,
    "of a private account": FOLLOWERS,
    "processing": {"author"},
    "failed": {"author"},
    "taken down": {"author"},
    "of a suspended account": set(),
    "of an account that leaves": set(),
    "deleted": set(),
}


@pytest.fixture
def viewers(alice, mod):
    people = {"nobody": None, "author": alice, "moderator": mod}
    for kind in ("stranger", "requester", "follower", "blocked", "blocker"):
        people[kind] = UserFactory(handle=kind)
    FollowFactory(follower=people["follower"], followed=alice)
    FollowRequest.objects.create(requester=people["requester"], target=alice)
    BlockFactory(blocker=alice, blocked=people["blocked"])
    BlockFactory(blocker=people["blocker"], blocked=alice)
    return {kind: Caller(person) for kind, person in people.items()}


@pytest.fixture
def make(alice):
    def make(kind):
        fields = {
            "for followers": {"visibility": "followers"},
            "processing": {"status": "processing"},
            "failed": {"status": "failed"},
            "taken down": {"taken_down_at": datetime.now(UTC)},
        }.get(kind, {})
        post = PostFactory(author=alice, caption="Low tide #husum", **fields)
        tag(post)
        if kind == "of a private account":
            accounts.update_profile(alice, changes={"is_private": True})
        if kind == "of a suspended account":
            accounts.suspend(alice, reason="spam")
        if kind == "of an account that leaves":
            accounts.leave(alice, password="correct horse battery staple")
        if kind == "deleted":
            from apps.content import services

            services.delete_post(post)
        return post

    return make


def tag(post):
    from apps.content.models import PostTag, Tag

    PostTag.objects.create(post=post, tag=Tag.objects.create(name="husum"), position=0)


def listed(caller, path, post):
    answer = caller.get(path)
    if answer.status_code in {401, 404}:
        return False
    return str(post.pk) in [shown["id"] for shown in answer.json()["results"]]


def who_sees(viewers, path, post):
    return {viewer for viewer in VIEWERS if listed(viewers[viewer], path, post)}


# Posts that are not published are in their author's own list, and nowhere else.
PUBLISHED_KINDS = {"public", "for followers", "of a private account"}


@pytest.mark.parametrize("kind", list(POSTS))
class TestP2OneRuleAtEveryDoor:
    @pytest.mark.promise("P2")
    def test_post_by_id(self, kind, make, viewers):
        post = make(kind)
        found = {viewer: viewers[viewer].get(f"/posts/{post.pk}").status_code for viewer in VIEWERS}
        sees = POSTS[kind] | ({"moderator"} if kind != "deleted" else set())
        expected = {viewer: 200 if viewer in sees else 404 for viewer in VIEWERS}
        assert found == expected | refused_to_the_author(kind)

    @pytest.mark.promise("P3")
    def test_photo_by_id(self, kind, make, viewers):
        post = make(kind)
        item = post.items.first() if kind != "deleted" else None
        if item is None:
            return
        asking = [viewer for viewer in VIEWERS if viewer != "nobody"]
        found = {viewer: viewers[viewer].get(f"/media/{item.medium_id}").status_code for viewer in asking}
        expected = {viewer: 200 if viewer in POSTS[kind] | {"author", "moderator"} else 404 for viewer in asking}
        assert found == expected | refused_to_the_author(kind)

    @pytest.mark.promise("P2")
    def test_posts_of_the_author(self, kind, make, viewers):
        assert who_sees(viewers, "/users/@alice/posts", make(kind)) == POSTS[kind]

    @pytest.mark.promise("P6")
    def test_posts_of_a_tag(self, kind, make, viewers):
        expected = POSTS[kind] if kind in PUBLISHED_KINDS else set()
        assert who_sees(viewers, "/tags/Husum/posts", make(kind)) == expected

    @pytest.mark.promise("P1")
    def test_posts_in_the_feed(self, kind, make, viewers):
        expected = POSTS[kind] & FOLLOWERS if kind in PUBLISHED_KINDS else set()
        assert who_sees(viewers, "/feed", make(kind)) == expected


def refused_to_the_author(kind):
    """Whose account is hidden has no session any more."""
    return {"author": 401} if kind in {"of a suspended account", "of an account that leaves"} else {}


@pytest.mark.promise("P2")
def test_private_account_hides_its_posts_from_strangers_at_once(api, alice, carol):
    posts = [PostFactory(author=alice) for _ in range(3)]
    assert all(listed(api(carol), "/users/@alice/posts", post) for post in posts)
    assert api(alice).patch("/users/me", {"is_private": True}).status_code == 200
    assert api(carol).get("/users/@alice/posts").status_code == 404
    assert all(api(carol).get(f"/posts/{post.pk}").status_code == 404 for post in posts)


@pytest.mark.promise("P1")
def test_follow_request_shows_nothing_until_it_is_accepted(api, alice, carol):
    accounts.update_profile(alice, changes={"is_private": True})
    post = PostFactory(author=alice)
    assert api(carol).post("/users/@alice/follow").json()["requested"] is True
    assert api(carol).get(f"/posts/{post.pk}").status_code == 404
    assert api(alice).post("/follow-requests/@carol/accept").status_code == 200
    assert api(carol).get(f"/posts/{post.pk}").status_code == 200


@pytest.mark.parametrize("kind", [kind for kind in POSTS if kind != "deleted"])
def test_is_public_is_true_for_posts_that_everybody_may_see(kind, make):
    post = make(kind)
    annotated = Post.objects.with_is_public().get(pk=post.pk)
    assert annotated.is_public is Post.objects.public().contains(post) is (POSTS[kind] == EVERYBODY)


@pytest.mark.promise("P5")
def test_mention_of_a_blocked_user_is_hidden(api, alice, carol, mallory):
    medium_post = PostFactory(author=carol)
    assert api(carol).patch(f"/posts/{medium_post.pk}", {"caption": "@alice and @mallory"}).status_code == 200

    def mentioned(viewer):
        return [m["handle"] for m in api(viewer).get(f"/posts/{medium_post.pk}").json()["mentions"]]

    assert mentioned(carol) == ["alice", "mallory"]
    assert mentioned(alice) == ["alice"]
    assert mentioned(mallory) == ["mallory"]
