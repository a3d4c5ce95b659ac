"""Every URL of the pages for every kind of visitor: one table. A URL without a row fails a test."""

import re
from collections.abc import Iterator

import pytest
from django.conf import settings
from django.urls import URLPattern

from apps.accounts import services as accounts
from apps.accounts.models import Session, User
from apps.moderation import services as moderation
from apps.web import script_urls, urls
from tests.factories import BlockFactory, CommentFactory, FollowFactory, PostFactory, UserFactory
from tests.web.conftest import Browser

pytestmark = pytest.mark.django_db
VISITORS = ["anonymous", "member", "owner", "blocked", "suspended", "moderator"]
LOGIN = "login"  # a redirect to the sign-in page

# What a GET answers, in the order of VISITORS. A suspended member's cookie opens nothing: they are anonymous.
EVERYBODY = (200, 200, 200, 200, 200, 200)
MEMBERS = (LOGIN, 200, 200, 200, LOGIN, 200)
VISIBLE = (200, 200, 200, 404, 200, 200)  # the profile and the public post of the owner
MEMBERS_WHO_SEE = (LOGIN, 200, 200, 404, LOGIN, 200)
OWNER = (LOGIN, 403, 200, 404, LOGIN, 403)
WRITE = (405,) * 6
ROWS: dict[str, tuple[object, ...]] = {}


def row(answers: tuple[object, ...], *names: str) -> None:
    ROWS.update(dict.fromkeys(names, answers))


row(EVERYBODY, "home", "explore", "search", "tag", "about", "rules", "terms", "privacy", "robots", "sitemap")
row(EVERYBODY, "sitemap_section", "tag_feed", "profile_feed", "oembed", "login", "join", "forgot")
row(VISIBLE, "profile", "post")
row(MEMBERS, "new", "notifications", "requests", "saved", "liked")
row(MEMBERS_WHO_SEE, "followers", "following", "likes", "report")
row(OWNER, "edit_post")
row(WRITE, "like", "save")


def patterns() -> Iterator[URLPattern]:
    yield from (each for each in urls.urlpatterns if isinstance(each, URLPattern))


def names() -> list[str]:
    return sorted({pattern.name for pattern in patterns() if pattern.name})


@pytest.fixture
def world(alice: User, bob: User, mod: User) -> dict[str, object]:
    """Alice is the owner of a post, bob a member who follows her; mallory is blocked, and sam is suspended."""
    mallory, sam = UserFactory(handle="mallory"), UserFactory(handle="sam")
    BlockFactory(blocker=alice, blocked=mallory)
    FollowFactory(follower=sam, followed=alice)
    post = PostFactory(author=alice, caption="#husum")
    comment = CommentFactory(post=post, author=alice)
    browsers = {
        "anonymous": Browser(),
        "member": Browser(bob),
        "owner": Browser(alice),
        "blocked": Browser(mallory),
        "suspended": Browser(sam),
        "moderator": Browser(mod),
    }
    moderation.suspend(sam, by=mod, reason="Spam.", category="spam")
    return {"browsers": browsers, "post": post, "comment": comment, "alice": alice}


def test_every_url_has_a_row():
    assert set(names()) - set(ROWS) == set()
    assert set(ROWS) - set(names()) == set()


def path_of(name: str, world: dict[str, object]) -> str:
    """The path of a URL by its name, about the owner and their public post."""
    route = next(str(pattern.pattern) for pattern in patterns() if pattern.name == name)
    post, comment = world["post"], world["comment"]
    values = {
        "handle": "alice",
        "post_id": post.pk,
        "comment_id": comment.pk,
        "tag": "husum",
        "section": "posts",
        "action": "mute",
        "answer": "reject",
        "notification_id": post.pk,
    }
    filled = re.sub(r"<(?:\w+:)?(\w+)>", lambda match: str(values[match[1]]), route)
    if route.startswith("^"):
        filled = re.sub(r"\(\?P<(\w+)>(?:[^()]|\([^()]*\))*\)", lambda match: str(values[match[1]]), route)
        filled = filled.strip("^$").replace("\\", "")
    query = {
        "report": f"?type=post&id={post.pk}",
        "oembed": f"?url={settings.PUBLIC_URL}/p/{post.pk}",
        "refresh_posts": f"?ids={post.pk}",
        "refresh_people": f"?ids={world['alice'].pk}",
    }
    return f"/{filled}{query.get(name, '')}"


def test_every_page_for_every_visitor(world, subtests):
    for name, answers in ROWS.items():
        path = path_of(name, world)
        for visitor, expected in zip(VISITORS, answers, strict=True):
            with subtests.test(name=name, visitor=visitor):
                response = world["browsers"][visitor].get(path)
                location = response.headers.get("Location", "")
                found = LOGIN if location.startswith("/login?next=") else response.status_code
                assert found == expected, path
