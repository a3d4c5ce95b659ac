"""Every write of the catalog, done twice: what each time answers, and that rows and counters moved once.

Who gets 404 and who 403 of each is the table of `test_callers.py`. A route without a row fails here as well.
"""

from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.apps import apps
from django.db.models import Sum

from apps.accounts import invitations
from apps.accounts import services as accounts
from apps.accounts.models import Application, Session
from apps.core.db.counters import every_counter
from apps.engagement import services as engagement
from apps.moderation import notes
from apps.moderation import services as moderation
from apps.moderation.models import Flag
from apps.notifications.models import Notification, PushSubscription
from apps.social import services as social
from tests.api.test_openapi import routes
from tests.authenticator import add_passkey
from tests.conftest import Caller, rolled_back
from tests.counting import drift
from tests.factories import PASSWORD, CommentFactory, MediaFactory, MuteFactory, PostFactory, UserFactory
from tests.moderation.people import BECAUSE, make_moderator

pytestmark = pytest.mark.django_db
TESTS = Path(__file__).resolve().parents[1]
FOLLOWED = {"accounts.user.follower_count": 1, "accounts.user.following_count": 1}
UNFOLLOWED = {"accounts.user.follower_count": -1, "accounts.user.following_count": -1}
LIKED, UNLIKED = {"content.post.like_count": 1}, {"content.post.like_count": -1}
COMMENTED, UNCOMMENTED = {"content.post.comment_count": 1}, {"content.post.comment_count": -1}
POSTED, UNPOSTED = {"accounts.user.post_count": 1}, {"accounts.user.post_count": -1}


@dataclass(frozen=True)
class Write:
    """`who` sends `body` to `path` twice, and is answered `first` and `again`; the first time moves the counters by
    `moves`, the second nothing. `keyed`: with an Idempotency-Key. `body` and `path` name things of the world."""

    who: str
    path: str
    body: Any = None
    first: int = 200
    again: int = 200
    moves: dict[str, int] = field(default_factory=dict)
    keyed: bool = False
    same_body: bool = True


TABLE: dict[tuple[str, str], Write] = {
    ("POST", "users"): Write(
        "nobody", "users", {"handle": "eve", "email": "eve@example.org", "password": PASSWORD}, 201, 201, keyed=True
    ),
    ("POST", "invitations"): Write("alice", "invitations", {"days": 1}, 201, 201, keyed=True),
    ("DELETE", "invitations/<str:code>"): Write("alice", "invitations/{code}", None, 204, 204),
    ("PATCH", "users/<str:user>"): Write("alice", "users/me", {"bio": "x"}),
    # Signed out, too: only signing in brings them back.
    ("POST", "users/<str:user>/deactivate"): Write("alice", "users/me/deactivate", {"password": PASSWORD}, 204, 401),
    ("DELETE", "users/<str:user>"): Write("alice", "users/me", {"password": PASSWORD}, 202, 401),
    ("POST", "users/me/export"): Write("alice", "users/me/export", {"password": PASSWORD}, 202, 409),
    ("POST", "users/me/consents"): Write("alice", "users/me/consents", {}),
    ("POST", "users/<str:user>/follow"): Write("carol", "users/@alice/follow", moves=FOLLOWED),
    ("POST", "users/<str:user>/unfollow"): Write("bob", "users/@alice/unfollow", moves=UNFOLLOWED),
    ("POST", "users/<str:user>/remove-follower"): Write("alice", "users/@bob/remove-follower", moves=UNFOLLOWED),
    ("POST", "users/<str:user>/block"): Write("alice", "users/@bob/block", moves=UNFOLLOWED),
    ("POST", "users/<str:user>/unblock"): Write("alice", "users/@mallory/unblock"),
    ("POST", "users/<str:user>/mute"): Write("bob", "users/@alice/mute"),
    ("POST", "users/<str:user>/unmute"): Write("carol", "users/@alice/unmute"),
    ("POST", "follow-requests/<str:user>/accept"): Write(
        "dana", "follow-requests/@carol/accept", again=404, moves=FOLLOWED
    ),
    ("POST", "follow-requests/<str:user>/reject"): Write("dana", "follow-requests/@carol/reject", again=404),
    ("POST", "auth/passkey-options"): Write("nobody", "auth/passkey-options", same_body=False),
    ("POST", "auth/identity/confirm"): Write("alice", "auth/identity/confirm", {"password": PASSWORD}, 204, 204),
    ("POST", "users/me/second-factors/totp"): Write("alice", "users/me/second-factors/totp"),
    ("DELETE", "users/me/second-factors/totp"): Write("carol", "users/me/second-factors/totp", None, 409, 409),
    ("POST", "users/me/second-factors/passkeys/options"): Write(
        "alice", "users/me/second-factors/passkeys/options", same_body=False
    ),
    ("PATCH", "users/me/second-factors/passkeys/<uuid:passkey_id>"): Write(
        "dana", "users/me/second-factors/passkeys/{passkey}", {"name": "x"}
    ),
    ("DELETE", "users/me/second-factors/passkeys/<uuid:passkey_id>"): Write(
        "dana", "users/me/second-factors/passkeys/{passkey}", None, 204, 404
    ),
    ("POST", "auth/revoke"): Write("alice", "auth/revoke", {"session_id": "{other_session}"}, 204, 204),
    ("POST", "auth/password"): Write(
        "alice", "auth/password", {"current_password": PASSWORD, "new_password": "quite another pass phrase"}, 204, 403
    ),
    ("POST", "auth/email/change"): Write(
        "alice", "auth/email/change", {"email": "new@example.org", "password": PASSWORD}, 202, 400
    ),
    ("DELETE", "auth/email/change"): Write("alice", "auth/email/change", None, 204, 204),
    ("POST", "users/me/handle"): Write("alice", "users/me/handle", {"handle": "alicia"}),
    ("POST", "posts"): Write("alice", "posts", {"media_ids": ["{ready_media}"]}, 201, 201, POSTED, keyed=True),
    ("PATCH", "posts/<uuid:post_id>"): Write("alice", "posts/{post}", {"caption": "x"}),
    ("DELETE", "posts/<uuid:post_id>"): Write("alice", "posts/{bare_post}", None, 204, 404, UNPOSTED),
    ("POST", "posts/<uuid:post_id>/like"): Write("carol", "posts/{post}/like", moves=LIKED),
    ("DELETE", "posts/<uuid:post_id>/like"): Write("bob", "posts/{post}/like", moves=UNLIKED),
    ("POST", "posts/<uuid:post_id>/save"): Write("carol", "posts/{post}/save"),
    ("DELETE", "posts/<uuid:post_id>/save"): Write("bob", "posts/{post}/save"),
    ("POST", "posts/<uuid:post_id>/comment"): Write(
        "carol", "posts/{post}/comment", {"text": "x"}, 201, 201, COMMENTED, keyed=True
    ),
    ("POST", "posts/<uuid:post_id>/comments"): Write(
        "carol",
        "posts/{post}/comments",
        {"text": "x", "parent_id": "{comment}"},
        201,
        201,
        COMMENTED | {"engagement.comment.reply_count": 1},
        keyed=True,
    ),
    ("DELETE", "posts/<uuid:post_id>/comments/<uuid:comment_id>"): Write(
        "alice", "posts/{post}/comments/{lone_comment}", None, 204, 404, UNCOMMENTED
    ),
    ("POST", "comments/<uuid:comment_id>/like"): Write(
        "carol", "comments/{comment}/like", moves={"engagement.comment.like_count": 1}
    ),
    ("DELETE", "comments/<uuid:comment_id>/like"): Write(
        "bob", "comments/{comment}/like", moves={"engagement.comment.like_count": -1}
    ),
    ("POST", "notifications/read"): Write("alice", "notifications/read"),
    ("POST", "notifications/<uuid:notification_id>/read"): Write("alice", "notifications/{notification}/read"),
    ("PUT", "notifications/preferences"): Write(
        "alice", "notifications/preferences", {"like": {"in_app": True, "push": False, "email": True}}
    ),
    ("DELETE", "notifications/push-subscriptions/<uuid:subscription_id>"): Write(
        "alice", "notifications/push-subscriptions/{subscription}", None, 204, 404
    ),
    # How many posts are new since the last time is another the second time.
    ("POST", "feed/refresh"): Write("bob", "feed/refresh", same_body=False),
    ("POST", "media/upload"): Write(
        "alice", "media/upload", {"content_type": "image/jpeg", "bytes": 10}, 201, 201, keyed=True
    ),
    ("DELETE", "media/<uuid:media_id>"): Write("alice", "media/{ready_media}", None, 204, 404),
    ("POST", "moderation/users/<str:user>/flag"): Write(
        "carol", "moderation/users/@alice/flag", {"category": "spam"}, 201, 200
    ),
    ("POST", "moderation/posts/<uuid:post_id>/flag"): Write(
        "carol", "moderation/posts/{post}/flag", {"category": "spam"}, 201, 200
    ),
    ("POST", "moderation/comments/<uuid:comment_id>/flag"): Write(
        "carol", "moderation/comments/{comment}/flag", {"category": "spam"}, 201, 200
    ),
    ("POST", "moderation/flags/<uuid:flag_id>/resolve"): Write(
        "mod", "moderation/flags/{flag}/resolve", {"resolution": "dismissed"}
    ),
    ("POST", "moderation/flags/mine/<uuid:report_id>/object"): Write(
        "alice", "moderation/flags/mine/{report}/object", {"text": "No."}, 201, 409
    ),
    ("POST", "moderation/users/<str:user>/suspend"): Write("mod", "moderation/users/@alice/suspend", BECAUSE),
    ("POST", "moderation/users/<str:user>/warn"): Write("mod", "moderation/users/@alice/warn", BECAUSE, keyed=True),
    ("POST", "moderation/users/<str:user>/limit"): Write("mod", "moderation/users/@alice/limit", BECAUSE),
    ("POST", "moderation/posts/<uuid:post_id>/limit"): Write("mod", "moderation/posts/{post}/limit", BECAUSE),
    ("POST", "moderation/posts/<uuid:post_id>/mark-sensitive"): Write(
        "mod", "moderation/posts/{post}/mark-sensitive", BECAUSE
    ),
    ("POST", "moderation/actions/<uuid:action_id>/undo"): Write(
        "mod", "moderation/actions/{action}/undo", {"reason": "x"}, 200, 409, moves=POSTED
    ),
    ("DELETE", "moderation/notes/<uuid:note_id>"): Write("mod", "moderation/notes/{note}", None, 204, 404),
    ("PATCH", "moderation/tags/<str:tag>"): Write("mod", "moderation/tags/husum", {"hidden": True, "reason": "x"}),
    ("PATCH", "moderation/digest"): Write("mod", "moderation/digest", {"frequency": "daily"}),
    ("POST", "moderation/users/<str:user>/unsuspend"): Write("mod", "moderation/users/@sue/unsuspend"),
    ("POST", "moderation/posts/<uuid:post_id>/takedown"): Write(
        "mod", "moderation/posts/{post}/takedown", BECAUSE, moves=UNPOSTED
    ),
    ("POST", "moderation/posts/<uuid:post_id>/restore"): Write(
        "mod", "moderation/posts/{hidden_post}/restore", moves=POSTED
    ),
    ("POST", "moderation/comments/<uuid:comment_id>/takedown"): Write(
        "mod", "moderation/comments/{comment}/takedown", BECAUSE, moves=UNCOMMENTED
    ),
    ("POST", "moderation/comments/<uuid:comment_id>/restore"): Write(
        "mod", "moderation/comments/{hidden_comment}/restore", moves=COMMENTED
    ),
    ("POST", "moderation/actions/<uuid:action_id>/appeal"): Write(
        "alice", "moderation/actions/{action}/appeal", {"text": "No."}, 201, 409
    ),
    ("POST", "moderation/applications/<uuid:application_id>/decide"): Write(
        "mod", "moderation/applications/{application}/decide", {"decision": "approve"}
    ),
    ("POST", "moderation/appeals/<uuid:appeal_id>/decide"): Write(
        "judge", "moderation/appeals/{appeal}/decide", {"decision": "overturn"}, moves=POSTED
    ),
}
# Writes that need a test of their own for repeated requests.
ELSEWHERE = {
    (
        "POST",
        "moderation/users/<str:user>/notes",
    ): "moderation/test_measures.py::test_each_note_is_kept",
    (
        "POST",
        "users/me/second-factors/totp/confirm",
    ): "accounts/test_second_factors.py::test_app_is_set_up_listed_and_removed_with_mails",
    (
        "POST",
        "users/me/second-factors/passkeys",
    ): "accounts/test_second_factors.py::test_passkey_is_added_renamed_and_removed_with_mails",
    (
        "POST",
        "users/me/second-factors/recovery-codes",
    ): "accounts/test_second_factors.py::test_new_recovery_codes_replace_the_old_ones",
    ("POST", "auth/token"): "accounts/test_sessions.py::test_twenty_at_once_are_one_rotation",
    ("POST", "auth/password/reset"): "accounts/test_sessions.py::test_asking_for_a_reset_answers_alike",
    ("POST", "auth/password/reset/confirm"): "accounts/test_sessions.py::test_a_reset_works_once_within_an_hour",
    ("POST", "auth/email/confirm"): "accounts/test_sign_up.py::test_confirmation_mail_is_sent_once_and_its_link",
    ("POST", "auth/email/change/confirm"): "accounts/test_changes.py::test_new_address_counts_when_its_link_is_used",
    ("POST", "auth/email/revert"): "accounts/test_changes.py::test_old_address_takes_the_account_back",
    ("POST", "auth/email/resend"): "accounts/test_sign_up.py::test_confirmed_user_gets_no_further_mail",
    (
        "POST",
        "notifications/push-subscriptions",
    ): "notifications/test_deliveries.py::test_endpoint_has_one_subscription_of_its_last_owner",
    (
        "POST",
        "media/upload/<uuid:media_id>/complete",
    ): "media/test_uploads.py::test_completing_twice_enqueues_one_task",
}


def test_every_write_has_a_row_in_the_table():
    present = {(method, path.removeprefix("v1/")) for path, methods in routes().items() for method in methods}
    assert {key for key in present if key[0] != "GET"} == TABLE.keys() | ELSEWHERE.keys()


@pytest.mark.parametrize("place", ELSEWHERE.values())
def test_tests_that_the_table_refers_to_exist(place):
    file, name = place.split("::")
    assert f"def {name}" in (TESTS / file).read_text()


@pytest.fixture
def world(alice, bob, carol, mallory, mod):
    """Something to do, and something to undo, for each verb."""
    judge = make_moderator("judge", "admin")
    dana, sue = UserFactory(handle="dana", is_private=True), UserFactory(handle="sue")
    post, bare_post, hidden, appealed = (PostFactory(author=alice) for _ in range(4))
    comment, lone, hidden_comment = (CommentFactory(post=post, author=alice) for _ in range(3))
    engagement.like(post.pk, by=bob.pk)
    engagement.save(post.pk, by=bob.pk)
    engagement.like_comment(comment.pk, by=bob.pk)
    social.follow(dana.pk, by=carol.pk)
    MuteFactory(muter=carol, muted=alice)
    people = {"nobody": None, "alice": alice, "bob": bob, "carol": carol, "dana": dana, "mod": mod, "judge": judge}
    callers = {name: Caller(person) for name, person in people.items()}
    moderation.suspend(sue, by=mod, **BECAUSE)
    moderation.take_down_comment(hidden_comment, by=mod, **BECAUSE)
    things = {
        "passkey": add_passkey(dana)[0].pk,
        "other_session": accounts.open_session(alice).pk,
        "ready_media": MediaFactory(owner=alice).pk,
        "code": invitations.create(alice.pk, max_uses=1, days=1).code,
        "application": Application.objects.create(user=UserFactory(state="pending"), reason="x").pk,
        "post": post.pk,
        "bare_post": bare_post.pk,
        "hidden_post": hidden.pk,
        "comment": comment.pk,
        "lone_comment": lone.pk,
        "hidden_comment": hidden_comment.pk,
        "notification": Notification.objects.create(recipient=alice, type="moderation", statement="x").pk,
        "subscription": PushSubscription.objects.create(user=alice, endpoint="https://push.example/1").pk,
        "flag": Flag.objects.create(target_type="user", target_id=alice.pk, subject=alice, category="spam").pk,
        "action": moderation.take_down_post(hidden, by=mod, **BECAUSE).pk,
        "note": notes.add(alice, by=mod, text="x").pk,
    }
    contested = moderation.take_down_post(appealed, by=mod, **BECAUSE)
    report, _ = moderation.flag(carol, by=alice.pk, category="spam")
    things["report"] = moderation.resolve_flag(report, by=mod, resolution="dismissed").pk
    things["appeal"] = moderation.appeal(contested, by=alice.pk, text="No.").pk
    return SimpleNamespace(callers=callers, things=things)


def counted():
    return {c.label: c.shown_on._base_manager.aggregate(sum=Sum(c.column))["sum"] or 0 for c in every_counter()}


def rows():
    """{model: number of rows} of all that is ours."""
    ours = (
        model for config in apps.get_app_configs() if config.name.startswith("apps.") for model in config.get_models()
    )
    return {model._meta.label: model._base_manager.count() for model in ours}


def filled(value, things):
    if isinstance(value, dict):
        return {key: filled(inner, things) for key, inner in value.items()}
    if isinstance(value, list):
        return [filled(inner, things) for inner in value]
    return value.format(**things) if isinstance(value, str) else value


@pytest.mark.slow
def test_repeated_write_has_the_effect_of_one(world, subtests):
    for (method, route), write in TABLE.items():
        with subtests.test(method=method, route=route), rolled_back():
            write_twice(method, write, world)


def write_twice(method, write, world):
    send = getattr(world.callers[write.who], method.lower())
    path, body = f"/{filled(write.path, world.things)}", filled(write.body, world.things)
    key = {"HTTP_IDEMPOTENCY_KEY": "one"} if write.keyed else {}
    before = counted()
    assert not drift()
    first = send(path, body, **key)
    assert first.status_code == write.first, first.content
    once = counted(), rows()
    assert {label: n - before[label] for label, n in once[0].items() if n != before[label]} == write.moves
    again = send(path, body, **key)
    assert again.status_code == write.again, again.content
    assert (counted(), rows()) == once
    assert not drift()
    if write.again < 300 and write.same_body:
        assert again.content == first.content


def test_session_is_ended_once(world):
    alice = world.callers["alice"]
    assert alice.post("/auth/revoke", {"all": True}).status_code == 204
    assert alice.post("/auth/revoke", {"all": True}).status_code == 401
    assert not Session.objects.live().filter(user=alice.user).exists()
