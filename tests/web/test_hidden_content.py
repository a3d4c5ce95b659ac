"""What a visitor may not see leaves no trace in any page: the pages beside the table of the API's lists."""

import re
from datetime import UTC, datetime
from itertools import product
from typing import Any

import pytest
from django.conf import settings

from apps.content.models import Post, PostTag, Tag
from apps.core.db.ids import new_id
from apps.engagement.models import Comment, Like, Save
from apps.feed import explore
from apps.media.models import Media
from apps.moderation.models import Flag
from apps.notifications.models import Notification, NotificationEvent
from tests.api import test_doors as doors
from tests.api.test_doors import EVERYBODY, VIEWERS
from tests.factories import BlockFactory, CommentFactory, FollowFactory, PostFactory, UserFactory
from tests.web.conftest import Browser

pytestmark = pytest.mark.django_db
# kind of post → who of the viewers may know of it
POSTS = doors.POSTS | {"in processing": set(), "failed": set()}
MEMBERS = set(VIEWERS) - {"anonymous"}
# Texts and names of the post, none of which is in the address of a page.
SECRETS = ["at dusk", "A grey seal", "quietly beautiful"]


def if_public(kind: str, readers: set[str]) -> set[str]:
    return readers if kind == "public" else set()


# page → who may find the post there
LISTS = {
    # The introduction shows what explore shows.
    "/": lambda kind: (POSTS[kind] & {"follower"}) | if_public(kind, {"anonymous"}),
    "/explore": lambda kind: if_public(kind, EVERYBODY),
    "/tags/husum": lambda kind: POSTS[kind],
    "/search?type=posts&q=low+tide": lambda kind: POSTS[kind],
    "/search?type=posts&q=%23husum": lambda kind: POSTS[kind],
    "/@alice": lambda kind: POSTS[kind],
    "/refresh/posts?ids={post}": lambda kind: POSTS[kind],
    "/liked": lambda kind: POSTS[kind] & MEMBERS,
    "/saved": lambda kind: POSTS[kind] & MEMBERS,
    "/notifications": lambda kind: POSTS[kind] & MEMBERS,
    # For other sites: the same for everybody.
    "/@alice/feed.atom": lambda kind: if_public(kind, set(VIEWERS)),
    "/tags/husum/feed.atom": lambda kind: if_public(kind, set(VIEWERS)),
    "/sitemap-posts.xml": lambda kind: if_public(kind, set(VIEWERS)),
    "/oembed?url={site}/p/{post}": lambda kind: if_public(kind, set(VIEWERS)),
}
# Pages inside the post, and whether only members see them.
INSIDE = {
    "/p/{post}": False,
    "/p/{post}?show=1": False,
    "/p/{post}/comments": False,
    "/p/{post}/comments/{comment}": False,
    "/web/posts/{post}": False,
    "/p/{post}/likes": True,
    "/p/{post}/state": True,
    "/report?type=post&id={post}": True,
    "/report?type=comment&id={comment}": True,
}
WRITES = {
    "/p/{post}/like": {},
    "/p/{post}/save": {},
    "/p/{post}/comments": {"text": "x", "key": "k" * 32},
    "/p/{post}/comments/{comment}/like": {},
    "/p/{post}/comments/{comment}/delete": {},
    "/p/{post}/delete": {},
    "/p/{post}/edit": {"caption": "Mine"},
    "/report?type=post&id={post}": {"category": "spam"},
    "/report?type=comment&id={comment}": {"category": "spam"},
}


@pytest.fixture
def world(alice: Any) -> tuple[Post, dict[str, Any], dict[str, Browser]]:
    """Alice's post, which all members have liked and saved, and were notified of, while they could see it."""
    post = PostFactory(author=alice, caption="Low tide at dusk #husum", published_at=datetime.now(UTC))
    Media.objects.filter(posts=post).update(alt_text="A grey seal")
    PostTag.objects.create(post=post, tag=Tag.objects.create(name="husum"), position=0)
    comment = CommentFactory(post=post, author=alice, text="quietly beautiful")
    people = {kind: UserFactory(handle=kind) for kind in VIEWERS if kind != "anonymous"}
    FollowFactory(follower=people["follower"], followed=alice)
    for person in people.values():
        Like.objects.create(post=post, user=person)
        Save.objects.create(post=post, user=person)
        notification = Notification.objects.create(recipient=person, type="mention", post=post)
        NotificationEvent.objects.create(notification=notification, recipient=person, actor=alice, cause=post.pk)
    explore.keep_scores()
    BlockFactory(blocker=alice, blocked=people["blocked"])
    BlockFactory(blocker=people["blocker"], blocked=alice)
    browsers = {kind: Browser(people.get(kind)) for kind in VIEWERS}
    return post, {"post": post.pk, "comment": comment.pk, "site": settings.PUBLIC_URL}, browsers


def hide(kind: str, post: Post) -> None:
    if kind in {"in processing", "failed"}:
        Post.objects.update(status="processing" if kind == "in processing" else kind, published_at=None)
    doors.hide(kind, post)


def found(page: str, post: Post) -> set[str]:
    """The traces of the post in a page."""
    return {trace for trace in [str(post.pk), *SECRETS] if trace in page}


@pytest.mark.slow
@pytest.mark.promise("P2", "P5", "P6")
@pytest.mark.parametrize("kind", list(POSTS))
def test_hidden_post_leaves_no_trace_in_any_list(kind, world, subtests):
    post, values, browsers = world
    hide(kind, post)
    for (path, readers), (viewer, browser) in product(LISTS.items(), browsers.items()):
        with subtests.test(path=path, viewer=viewer):
            page = browser.get(path.format_map(values)).content.decode()
            if viewer in readers(kind):
                assert found(page, post)
            else:
                assert found(page, post) - ({str(post.pk)} if "{post}" in path else set()) == set()


@pytest.mark.slow
@pytest.mark.promise("P4")
@pytest.mark.parametrize("kind", list(POSTS))
def test_hidden_post_answers_like_an_unknown_one(kind, world, subtests):
    post, values, browsers = world
    hide(kind, post)
    unknown = values | {"post": new_id(), "comment": new_id()}
    for (path, members_only), (viewer, browser) in product(INSIDE.items(), browsers.items()):
        if viewer == "anonymous" and members_only:
            continue
        with subtests.test(path=path, viewer=viewer):
            response = browser.get(path.format_map(values))
            if viewer in POSTS[kind]:
                assert response.status_code == 200
            else:
                assert response.status_code == 404
                other = browser.get(path.format_map(unknown))
                assert _without_request_id(response) == _without_request_id(other)


def _without_request_id(response: Any) -> str:
    return re.sub(r"[0-9a-f-]{32,36}", "", response.content.decode())


@pytest.mark.slow
@pytest.mark.promise("P4")
@pytest.mark.parametrize("kind", [kind for kind in POSTS if kind != "public"])
def test_nobody_acts_on_a_hidden_post(kind, world, subtests):
    post, values, browsers = world
    hide(kind, post)
    before = _rows()
    for (path, data), (viewer, browser) in product(WRITES.items(), browsers.items()):
        if viewer in POSTS[kind] or viewer == "anonymous":
            continue
        with subtests.test(path=path, viewer=viewer):
            assert browser.post(path.format_map(values), data).status_code == 404
    assert _rows() == before


def _rows() -> list[int]:
    return [model.objects.count() for model in (Like, Save, Comment, Flag, Post)]


def test_private_profile_shows_its_name_only(world, subtests):
    post, _, browsers = world
    hide("of a private account", post)
    for viewer, browser in browsers.items():
        with subtests.test(viewer=viewer):
            page = browser.get("/@alice")
            assert page.status_code == (404 if viewer == "blocked" else 200)
            for name in ("followers", "following"):
                response = browser.get(f"/@alice/{name}")
                expected = {"anonymous": 302, "follower": 200}.get(viewer, 404)
                assert response.status_code == expected
            if viewer != "follower":
                assert "@follower" not in page.content.decode()
                assert "og:image" not in page.content.decode()


@pytest.mark.parametrize("kind", ["of a suspended account", "of an account that leaves"])
def test_hidden_account_is_in_no_page(kind, world, subtests):
    post, _, browsers = world
    hide(kind, post)
    paths = ["/@follower/following", "/search?q=alice", "/suggestions", f"/p/{post.pk}", "/@alice"]
    for path, (viewer, browser) in product(paths, browsers.items()):
        if viewer == "anonymous" and path in {"/@follower/following", "/suggestions"}:
            continue
        with subtests.test(path=path, viewer=viewer):
            page = browser.get(path).content.decode()
            assert 'href="/@alice"' not in page
            assert str(post.author_id) not in page
