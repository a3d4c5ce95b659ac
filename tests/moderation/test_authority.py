"""Permissions to decide: role × service × target."""

import pytest
from django.urls import reverse

from apps.accounts.models import User
from apps.content.models import Post
from apps.core.db.ids import new_id
from apps.moderation import roles, services
from apps.moderation.models import Appeal, ModerationAction
from tests.conftest import Caller
from tests.console.codes import sign_in
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
RANKS = ["person", "moderator", "senior_moderator", "admin"]


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


def promote(user, rank):
    """Give the rank after the fact, because `things_of` takes an action against the user."""
    if rank == "superuser":
        User.objects.filter(pk=user.pk).update(is_staff=True, is_superuser=True)
    elif rank != "person":
        roles.appoint(user, rank)
    return User.objects.get(pk=user.pk)


@pytest.mark.parametrize("verb", list(VERBS))
@pytest.mark.parametrize(
    ("rank", "whose"),
    [
        ("moderator", "person"),
        ("moderator", "moderator"),
        ("senior_moderator", "moderator"),
        ("admin", "admin"),
        ("admin", "superuser"),
    ],
)
def test_staff_are_acted_on_by_a_higher_rank_only(rank, whose, verb):
    by, owner = make_moderator("decider", rank), UserFactory(handle="owner")
    things = things_of(owner)
    promote(owner, whose)
    before = ModerationAction.objects.count()
    answer = call(Caller(by), verb, things)
    if RANKS.index(rank) <= RANKS.index(whose.replace("superuser", "admin")):
        assert (answer.status_code, answer.json()["code"]) == (403, "cannot_moderate")
        assert ModerationAction.objects.count() == before
    elif verb in {"restore of a post", "restore of a comment", "unsuspend"}:
        assert (answer.status_code, answer.json()["code"]) == (409, "nothing_to_undo")
    else:
        assert answer.status_code == 200, answer.content
        assert ModerationAction.objects.count() == before + 1


@pytest.mark.parametrize("verb", list(VERBS))
@pytest.mark.parametrize("rank", ["moderator", "superuser"])
def test_nobody_decides_about_themselves(rank, verb):
    by = UserFactory(handle="decider")
    things = things_of(by)
    answer = call(Caller(promote(by, rank)), verb, things)
    assert (answer.status_code, answer.json()["code"]) == (403, "cannot_moderate")


@pytest.mark.parametrize("whose", RANKS)
@pytest.mark.parametrize("rank", RANKS[1:])
def test_console_acts_on_staff_of_a_lower_rank_only(rank, whose):
    person = UserFactory(handle="owner")
    flag = services.flag(person, by=UserFactory().pk, category="spam")[0]
    promote(person, whose)
    browser, may = sign_in(make_moderator("decider", rank)), RANKS.index(rank) > RANKS.index(whose)
    page = browser.get(reverse("admin:moderation_flag_case", args=["user", person.pk]))
    assert page.context["forbidden"] is not may
    browser.post(
        reverse("admin:moderation_flag_changelist"),
        {"action": "dismiss", "_selected_action": [str(flag.pk)], "index": 0, "reason": "Because."},
    )
    flag.refresh_from_db()
    assert (flag.status == "dismissed") is may


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
