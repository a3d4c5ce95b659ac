"""Who may decide on whose things: role × verb × target."""

import pytest

from apps.content.models import Post
from apps.core.db.ids import new_id
from apps.moderation import services
from apps.moderation.models import Appeal, ModerationAction
from tests.conftest import Caller
from tests.factories import CommentFactory, PostFactory, UserFactory
from tests.moderation.people import BECAUSE, make_moderator

pytestmark = pytest.mark.django_db

VERBS = {
    "takedown of a post": ("posts/{post}/takedown", BECAUSE),
    "restore of a post": ("posts/{post}/restore", None),
    "takedown of a comment": ("comments/{comment}/takedown", BECAUSE),
    "restore of a comment": ("comments/{comment}/restore", None),
    "suspend": ("users/{user}/suspend", BECAUSE),
    "unsuspend": ("users/{user}/unsuspend", None),
    "resolve": ("flags/{flag}/resolve", {"resolution": "dismissed"}),
    "decide": ("appeals/{appeal}/decide", {"decision": "overturn"}),
}
MODERATOR_CALLS = {
    **VERBS,
    "flags": ("flags", None),
    "audit": ("audit", None),
    "appeals": ("appeals", None),
}
# Whose things: (by a moderator, by an admin).
MAY = {
    "person": (200, 200),
    "moderator": (200, 200),
    "admin": (403, 200),
    "superuser": (403, 200),
    "oneself": (403, 403),
}


def things_of(owner):
    """A takedown and a suspension to undo, things to act on, a flag and an appeal to decide."""
    judge = make_moderator("judge", "admin")
    post, hidden = PostFactory(author=owner), PostFactory(author=owner)
    action = services.take_down_post(hidden, by=judge, **BECAUSE)
    return {
        "post": post.pk,
        "comment": CommentFactory(post=post, author=owner).pk,
        "user": owner.pk,
        "flag": services.flag(owner, by=judge.pk, category="spam")[0].pk,
        "appeal": services.appeal(action, by=owner.pk, text="No.").pk,
    }


def call(caller, verb, things):
    path, body = MODERATOR_CALLS[verb]
    method = caller.get if path in {"flags", "audit", "appeals"} else caller.post
    return method(f"/moderation/{path.format(**things)}", body)


@pytest.mark.parametrize("verb", list(VERBS))
@pytest.mark.parametrize("whose", list(MAY))
@pytest.mark.parametrize("role", ["moderator", "admin"])
def test_roles_decide_about_others_by_the_table(role, whose, verb):
    by = make_moderator("decider", role)
    owners = {
        "person": lambda: UserFactory(handle="owner"),
        "moderator": lambda: make_moderator("owner"),
        "admin": lambda: make_moderator("owner", "admin"),
        "superuser": lambda: UserFactory(handle="owner", is_superuser=True),
        "oneself": lambda: by,
    }
    things = things_of(owners[whose]())
    before = ModerationAction.objects.count()
    expected = MAY[whose][role == "admin"]
    answer = call(Caller(by), verb, things)
    if verb in {"restore of a post", "restore of a comment", "unsuspend"} and expected == 200:
        assert (answer.status_code, answer.json()["code"]) == (409, "nothing_to_undo")
        return
    assert answer.status_code == expected, answer.content
    assert ModerationAction.objects.count() == before + (expected == 200)
    if expected == 403:
        assert answer.json()["code"] == "cannot_moderate"


@pytest.mark.promise("P7")
@pytest.mark.parametrize("verb", list(MODERATOR_CALLS))
@pytest.mark.parametrize("kind", ["person", "owner", "staff"])
def test_other_users_learn_nothing_about_existing_targets(alice, kind, verb):
    things = things_of(alice)
    caller = Caller(
        {"person": lambda: UserFactory(), "owner": lambda: alice, "staff": lambda: UserFactory(is_staff=True)}[kind]()
    )
    before = ModerationAction.objects.count()
    unknown = dict.fromkeys(things, new_id())
    answers = [call(caller, verb, which) for which in (things, unknown)]
    assert [answer.status_code for answer in answers] == [403, 403]
    assert answers[0].json()["code"] == "moderator_required"
    bodies = [{**answer.json(), "request_id": ""} for answer in answers]
    assert bodies[0] == bodies[1]
    assert ModerationAction.objects.count() == before
    assert Appeal.objects.get().status == "open"


@pytest.mark.parametrize("verb", list(MODERATOR_CALLS))
def test_role_is_checked_before_the_body(api, carol, verb):
    path = MODERATOR_CALLS[verb][0].format(**dict.fromkeys(("post", "comment", "user", "flag", "appeal"), new_id()))
    if path not in {"flags", "audit", "appeals"}:
        assert api(carol).post(f"/moderation/{path}", {"x": 1}).json()["code"] == "moderator_required"


@pytest.mark.parametrize("verb", list(MODERATOR_CALLS))
def test_anonymous_requests_are_refused(anonymous, alice, verb):
    assert call(anonymous, verb, things_of(alice)).status_code == 401


def test_services_check_the_role(alice, carol):
    post = PostFactory(author=alice)
    with pytest.raises(services.ModeratorRequired):
        services.take_down_post(post, by=carol, **BECAUSE)
    with pytest.raises(services.ModeratorRequired):
        services.unsuspend(alice, by=carol)
    assert Post.objects.get().taken_down_at is None


def test_suspended_moderator_cannot_decide(mod, alice):
    caller = Caller(mod)
    services.suspend(mod, by=make_moderator("root", "admin"), **BECAUSE)
    assert caller.post("/moderation/users/@alice/suspend", BECAUSE).status_code == 401
