"""Limited reach: on which surface each viewer finds an account and its posts, as a table."""

from typing import Any

import pytest

from apps.content import services as content
from apps.content.models import Post
from apps.feed import explore
from apps.moderation.cases import measures, queue
from tests.factories import FollowFactory, MediaFactory, UserFactory
from tests.moderation.people import BECAUSE
from tests.web.conftest import Browser

pytestmark = pytest.mark.django_db

VIEWERS = ["anonymous", "stranger", "follower", "author"]
EVERYBODY = set(VIEWERS)
MEMBERS = EVERYBODY - {"anonymous"}

# surface → (path, what is looked for, who finds it without a measure, measures that leave it out).
BOTH, ACCOUNT, NONE = {"post", "account"}, {"account"}, set()
SURFACES: dict[str, tuple[str, str, set[str], set[str]]] = {
    "explore": ("/v1/explore", "post", EVERYBODY, BOTH),
    "search for words": ("/v1/search/posts?q=tide", "post", EVERYBODY, BOTH),
    "search for a tag": ("/v1/search/posts?q=%23husum", "post", EVERYBODY, BOTH),
    "search for users": ("/v1/search/users?q=alice", "handle", EVERYBODY, ACCOUNT),
    "search for tags": ("/v1/search/tags?q=hus", "tag", EVERYBODY, BOTH),
    # The others follow the account already, or are the account.
    "suggestions": ("/v1/users/suggestions", "handle", {"stranger"}, ACCOUNT),
    "tag": ("/v1/tags/husum/posts", "post", EVERYBODY, BOTH),
    "explore page": ("/explore", "post", EVERYBODY, BOTH),
    "search page": ("/search?type=posts&q=tide", "post", EVERYBODY, BOTH),
    "people page": ("/search?type=people&q=alice", "link", EVERYBODY, ACCOUNT),
    "suggestions page": ("/suggestions", "form", {"stranger"}, ACCOUNT),
    "tag page": ("/tags/husum", "post", EVERYBODY, BOTH),
    "feed of a tag": ("/tags/husum/feed.atom", "post", EVERYBODY, BOTH),
    "completion": ("/web/search/users?q=alice", "handle", EVERYBODY, ACCOUNT),
    "sitemap of posts": ("/sitemap-posts.xml", "post", EVERYBODY, BOTH),
    "sitemap of profiles": ("/sitemap-profiles.xml", "link", EVERYBODY, ACCOUNT),
    # It stays visible here.
    "profile": ("/v1/users/@alice", "handle", EVERYBODY, NONE),
    "posts of the profile": ("/v1/users/@alice/posts", "post", EVERYBODY, NONE),
    "post": ("/v1/posts/{post}", "post", EVERYBODY, NONE),
    "home feed": ("/v1/feed", "post", {"follower", "author"}, NONE),
    "profile page": ("/@alice", "post", EVERYBODY, NONE),
    "post page": ("/p/{post}", "post", EVERYBODY, NONE),
    # Of visitors, it is explore.
    "home page": ("/", "post", EVERYBODY - {"stranger"}, {"post for visitors", "account for visitors"}),
    "followers": ("/v1/users/@friend/following", "handle", MEMBERS, NONE),
}


@pytest.fixture
def post(alice):
    made = content.create_post(author_id=alice.pk, media_ids=[MediaFactory(owner=alice).pk], caption="Low tide #husum")
    explore.keep_scores()
    return made


@pytest.fixture
def callers(alice, api):
    """The stranger follows a friend, who follows alice."""
    people: dict[str, Any] = {"anonymous": None, "author": alice}
    for kind in ("stranger", "follower"):
        people[kind] = UserFactory(handle=kind)
    friend = UserFactory(handle="friend")
    FollowFactory(follower=people["follower"], followed=alice)
    FollowFactory(follower=people["stranger"], followed=friend)
    FollowFactory(follower=friend, followed=alice)
    return {kind: (api(people[kind]), Browser(people[kind])) for kind in VIEWERS}


def who_finds(callers: Any, path: str, wanted: str) -> set[str]:
    found = set()
    for viewer in VIEWERS:
        client, browser = callers[viewer]
        if path.startswith("/v1/"):
            answer = client.get(path)
        elif wanted == "/@alice" and "sitemap" not in path:  # without the navigation, which links to the own profile
            answer = browser.htmx("get", path)
        else:
            answer = browser.get(path)
        if answer.status_code == 200 and wanted in answer.content.decode():
            found.add(viewer)
    return found


def found_on(surfaces: list[str], callers: Any, post: Post) -> dict[str, set[str]]:
    wanted = {"post": str(post.pk), "handle": '"alice"', "link": "/@alice", "form": "/@alice/follow", "tag": '"husum"'}
    rows = {surface: SURFACES[surface] for surface in surfaces}
    return {
        surface: who_finds(callers, path.format(post=post.pk), wanted[what])
        for surface, (path, what, _, _) in rows.items()
    }


def expected_on(surfaces: list[str], measure: str) -> dict[str, set[str]]:
    expected = {}
    for surface in surfaces:
        _, _, finders, left_out = SURFACES[surface]
        missing = finders if measure in left_out else {"anonymous"} if f"{measure} for visitors" in left_out else set()
        expected[surface] = finders - missing
    return expected


OF_THE_API = [surface for surface, row in SURFACES.items() if row[0].startswith("/v1/")]
PAGES = [surface for surface in SURFACES if surface not in OF_THE_API]


@pytest.mark.parametrize("surfaces", [OF_THE_API, pytest.param(PAGES, marks=pytest.mark.slow)], ids=["api", "pages"])
@pytest.mark.parametrize("measure", ["post", "account", pytest.param("undone", marks=pytest.mark.slow)])
def test_limit_of_reach_on_every_surface(measure, surfaces, alice, mod, post, callers):
    if measure in {"post", "undone"}:
        limit = measures.limit_post(post, by=mod, **BECAUSE)
    if measure == "account":
        limit = measures.limit_account(alice, by=mod, **BECAUSE)
    if measure == "undone":
        queue.undo(limit, by=mod, reason="A mistake.")
        queue.undo(measures.limit_account(alice, by=mod, **BECAUSE), by=mod, reason="A mistake.")
    assert found_on(surfaces, callers, post) == expected_on(surfaces, measure)
