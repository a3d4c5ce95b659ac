"""Every route × every kind of caller. A route without a row fails."""

import re
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.accounts import invitations
from apps.accounts import services as accounts
from apps.accounts.models import Application
from apps.core.db.ids import new_id
from apps.moderation import notes
from apps.moderation import services as moderation
from apps.notifications.models import Notification, PushSubscription
from tests.api.test_openapi import routes
from tests.authenticator import add_passkey
from tests.conftest import Caller, rolled_back
from tests.factories import (
    PASSWORD,
    BlockFactory,
    CommentFactory,
    FollowFactory,
    MediaFactory,
    PostFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db

CALLERS = ["anonymous", "stranger", "follower", "blocked", "suspended", "owner", "moderator"]

# Answers to: anonymous, stranger, follower, blocked, suspended, owner, moderator. What belongs to alice, the owner,
# is asked for; `{…}` are hers. A suspended caller's token is refused everywhere but where the header is ignored.
OPEN = [200, 200, 200, 404, 401, 200, 200]
ANYBODY = [200, 200, 200, 200, 401, 200, 200]
SIGNED_IN = [401, 200, 200, 200, 401, 200, 200]
OTHERS = [401, 200, 200, 404, 401, 400, 200]
VISIBLE = [401, 200, 200, 404, 401, 200, 200]
OWN = [401, 404, 404, 404, 401, 200, 404]
MODERATORS = [401, 403, 403, 403, 401, 403, 200]
FLAG = [401, 201, 201, 404, 401, 400, 201]
TAKEDOWN = {"reason": "x", "category": "spam"}

TABLE: dict[tuple[str, str], tuple[Any, list[int]]] = {
    ("POST", "users"): (
        {"handle": "newcomer", "email": "n@example.org", "password": PASSWORD},
        [201] * 4 + [401, 201, 201],
    ),
    ("GET", "users/challenge"): (None, ANYBODY),
    ("GET", "invitations"): (None, SIGNED_IN),
    ("POST", "invitations"): (None, [401, 201, 201, 201, 401, 201, 201]),
    ("GET", "invitations/<str:code>"): (None, ANYBODY),
    ("DELETE", "invitations/<str:code>"): (None, [401, 404, 404, 404, 401, 204, 404]),
    ("GET", "users"): ("?ids={alice}", SIGNED_IN),
    ("GET", "users/<str:user>"): (None, OPEN),
    ("PATCH", "users/<str:user>"): ({"bio": "x"}, [401, 403, 403, 404, 401, 200, 403]),
    ("DELETE", "users/<str:user>"): ({"password": PASSWORD}, [401, 403, 403, 404, 401, 202, 403]),
    ("POST", "users/<str:user>/deactivate"): ({"password": PASSWORD}, [401, 403, 403, 404, 401, 204, 403]),
    ("POST", "users/me/export"): ({"password": PASSWORD}, [401, 202, 202, 202, 401, 202, 202]),
    ("GET", "users/me/export"): (None, SIGNED_IN),
    ("GET", "users/me/second-factors"): (None, SIGNED_IN),
    ("POST", "users/me/second-factors/totp"): (None, SIGNED_IN),
    ("POST", "users/me/second-factors/totp/confirm"): ({"code": "000000"}, [401, 400, 400, 400, 401, 400, 400]),
    ("DELETE", "users/me/second-factors/totp"): (None, [401, 409, 409, 409, 401, 409, 409]),
    ("POST", "users/me/second-factors/passkeys/options"): (None, SIGNED_IN),
    ("POST", "users/me/second-factors/passkeys"): ({"challenge": "x"}, [401, 400, 400, 400, 401, 400, 400]),
    ("PATCH", "users/me/second-factors/passkeys/<uuid:passkey_id>"): ({"name": "x"}, OWN),
    ("DELETE", "users/me/second-factors/passkeys/<uuid:passkey_id>"): (None, [401, 404, 404, 404, 401, 204, 404]),
    ("POST", "users/me/second-factors/recovery-codes"): (None, [401, 409, 409, 409, 401, 200, 409]),
    ("GET", "users/me/consents"): (None, SIGNED_IN),
    ("POST", "users/me/consents"): ({}, SIGNED_IN),
    ("GET", "users/<str:user>/posts"): (None, OPEN),
    ("GET", "users/<str:user>/followers"): (None, VISIBLE),
    ("GET", "users/<str:user>/following"): (None, VISIBLE),
    ("GET", "users/<str:user>/relationship"): (None, VISIBLE),
    ("POST", "users/<str:user>/follow"): (None, OTHERS),
    ("POST", "users/<str:user>/unfollow"): (None, OTHERS),
    ("POST", "users/<str:user>/remove-follower"): (None, OTHERS),
    ("POST", "users/<str:user>/block"): (None, OTHERS),
    ("POST", "users/<str:user>/unblock"): (None, VISIBLE),
    ("POST", "users/<str:user>/mute"): (None, OTHERS),
    ("POST", "users/<str:user>/unmute"): (None, VISIBLE),
    ("GET", "users/me/blocks"): (None, SIGNED_IN),
    ("GET", "users/me/mutes"): (None, SIGNED_IN),
    ("GET", "users/suggestions"): (None, SIGNED_IN),
    ("GET", "relationships"): ("?ids={alice}", SIGNED_IN),
    ("GET", "follow-requests"): (None, SIGNED_IN),
    ("POST", "follow-requests/<str:user>/accept"): (None, [401, 404, 404, 404, 401, 404, 404]),
    ("POST", "follow-requests/<str:user>/reject"): (None, [401, 404, 404, 404, 401, 404, 404]),
    ("POST", "auth/token"): ({"login": "follower", "password": PASSWORD}, [200] * 7),
    ("POST", "auth/passkey-options"): (None, [200] * 7),
    ("POST", "auth/identity/confirm"): ({"password": PASSWORD}, [401, 204, 204, 204, 401, 204, 204]),
    ("POST", "auth/revoke"): ({"session_id": "{session}"}, [401, 404, 404, 404, 401, 204, 404]),
    ("GET", "auth/me"): (None, SIGNED_IN),
    ("GET", "auth/sessions"): (None, SIGNED_IN),
    ("POST", "auth/password"): (
        {"current_password": PASSWORD, "new_password": "quite another pass phrase"},
        [401, 204, 204, 204, 401, 204, 204],
    ),
    ("POST", "auth/password/reset"): ({"email": "alice@example.org"}, [202] * 7),
    ("POST", "auth/password/reset/confirm"): (
        {"token": "x", "new_password": "quite another"},
        [400] * 7,
    ),
    ("POST", "auth/email/confirm"): ({"token": "x"}, [400] * 7),
    ("GET", "auth/email/change"): (None, SIGNED_IN),
    ("POST", "auth/email/change"): (
        {"email": "new@example.org", "password": PASSWORD},
        [401, 202, 202, 202, 401, 202, 202],
    ),
    ("DELETE", "auth/email/change"): (None, [401, 204, 204, 204, 401, 204, 204]),
    ("POST", "auth/email/change/confirm"): ({"token": "x"}, [400] * 7),
    ("POST", "auth/email/revert"): ({"token": "x", "new_password": "quite another"}, [400] * 7),
    ("GET", "auth/security-events"): (None, SIGNED_IN),
    ("POST", "users/me/handle"): ({"handle": "another"}, SIGNED_IN),
    ("POST", "auth/email/resend"): (None, [401, 202, 202, 202, 401, 202, 202]),
    ("POST", "posts"): ({"media_ids": ["{ready_media}"]}, [401, 400, 400, 400, 401, 201, 400]),
    ("GET", "posts/<uuid:post_id>"): (None, OPEN),
    ("PATCH", "posts/<uuid:post_id>"): ({"caption": "x"}, [401, 403, 403, 404, 401, 200, 403]),
    ("DELETE", "posts/<uuid:post_id>"): (None, [401, 403, 403, 404, 401, 204, 403]),
    ("GET", "tags/<str:tag>/posts"): (None, ANYBODY),
    ("POST", "posts/<uuid:post_id>/like"): (None, VISIBLE),
    ("DELETE", "posts/<uuid:post_id>/like"): (None, VISIBLE),
    ("GET", "posts/<uuid:post_id>/likes"): (None, VISIBLE),
    ("POST", "posts/<uuid:post_id>/save"): (None, VISIBLE),
    ("DELETE", "posts/<uuid:post_id>/save"): (None, VISIBLE),
    ("POST", "posts/<uuid:post_id>/comment"): ({"text": "x"}, [401, 201, 201, 404, 401, 201, 201]),
    ("POST", "posts/<uuid:post_id>/comments"): ({"text": "x"}, [401, 201, 201, 404, 401, 201, 201]),
    ("GET", "posts/<uuid:post_id>/comments"): (None, OPEN),
    ("DELETE", "posts/<uuid:post_id>/comments/<uuid:comment_id>"): (None, [401, 403, 403, 404, 401, 204, 204]),
    ("POST", "comments/<uuid:comment_id>/like"): (None, VISIBLE),
    ("DELETE", "comments/<uuid:comment_id>/like"): (None, VISIBLE),
    ("GET", "users/me/saved"): (None, SIGNED_IN),
    ("GET", "users/me/liked"): (None, SIGNED_IN),
    ("GET", "notifications"): (None, SIGNED_IN),
    ("POST", "notifications/read"): (None, SIGNED_IN),
    ("POST", "notifications/<uuid:notification_id>/read"): (None, OWN),
    ("GET", "notifications/unread-count"): (None, SIGNED_IN),
    ("GET", "notifications/preferences"): (None, SIGNED_IN),
    ("PUT", "notifications/preferences"): (
        {"like": {"in_app": True, "push": False, "email": False}},
        SIGNED_IN,
    ),
    ("GET", "notifications/push-subscriptions"): (None, SIGNED_IN),
    ("POST", "notifications/push-subscriptions"): (
        {"endpoint": "https://127.0.0.1/push", "keys": {"p256dh": "B" * 87, "auth": "A" * 22}},
        [401, 400, 400, 400, 401, 400, 400],
    ),
    ("DELETE", "notifications/push-subscriptions/<uuid:subscription_id>"): (
        None,
        [401, 404, 404, 404, 401, 204, 404],
    ),
    ("GET", "search/users"): ("?q=alice", ANYBODY),
    ("GET", "search/posts"): ("?q=husum", ANYBODY),
    ("GET", "search/tags"): ("?q=hus", ANYBODY),
    ("GET", "instance"): (None, ANYBODY),
    ("GET", "explore"): (None, ANYBODY),
    ("GET", "feed"): (None, SIGNED_IN),
    ("POST", "feed/refresh"): (None, SIGNED_IN),
    ("POST", "media/upload"): ({"content_type": "image/jpeg", "bytes": 10}, [401, 201, 201, 201, 401, 201, 201]),
    ("POST", "media/upload/<uuid:media_id>/complete"): (None, [401, 404, 404, 404, 401, 202, 404]),
    ("GET", "media/upload/<uuid:media_id>/status"): (None, OWN),
    ("GET", "media/<uuid:media_id>"): (None, VISIBLE),
    ("DELETE", "media/<uuid:media_id>"): (None, [401, 404, 404, 404, 401, 409, 404]),
    ("POST", "moderation/users/<str:user>/flag"): ({"category": "spam"}, FLAG),
    ("POST", "moderation/posts/<uuid:post_id>/flag"): ({"category": "spam"}, FLAG),
    ("POST", "moderation/comments/<uuid:comment_id>/flag"): ({"category": "spam"}, FLAG),
    ("POST", "moderation/users/<str:user>/suspend"): (TAKEDOWN, MODERATORS),
    ("POST", "moderation/users/<str:user>/unsuspend"): (None, [401, 403, 403, 403, 401, 403, 409]),
    ("POST", "moderation/posts/<uuid:post_id>/takedown"): (TAKEDOWN, MODERATORS),
    ("POST", "moderation/posts/<uuid:post_id>/restore"): (None, [401, 403, 403, 403, 401, 403, 409]),
    ("POST", "moderation/posts/<uuid:post_id>/mark-sensitive"): (TAKEDOWN, MODERATORS),
    ("POST", "moderation/posts/<uuid:post_id>/limit"): (TAKEDOWN, MODERATORS),
    ("POST", "moderation/users/<str:user>/limit"): (TAKEDOWN, MODERATORS),
    ("POST", "moderation/users/<str:user>/warn"): (TAKEDOWN, MODERATORS),
    ("GET", "moderation/users/<str:user>/notes"): (None, MODERATORS),
    ("POST", "moderation/users/<str:user>/notes"): ({"text": "x"}, [401, 403, 403, 403, 401, 403, 201]),
    ("DELETE", "moderation/notes/<uuid:note_id>"): (None, [401, 403, 403, 403, 401, 403, 403]),
    ("GET", "moderation/tags"): (None, MODERATORS),
    ("PATCH", "moderation/tags/<str:tag>"): ({"hidden": True, "reason": "x"}, MODERATORS),
    ("GET", "moderation/digest"): (None, MODERATORS),
    ("PATCH", "moderation/digest"): ({"frequency": "daily"}, MODERATORS),
    ("POST", "moderation/actions/<uuid:action_id>/undo"): ({"reason": "x"}, MODERATORS),
    ("POST", "moderation/comments/<uuid:comment_id>/takedown"): (TAKEDOWN, MODERATORS),
    ("POST", "moderation/comments/<uuid:comment_id>/restore"): (None, [401, 403, 403, 403, 401, 403, 409]),
    ("GET", "moderation/flags"): (None, MODERATORS),
    ("GET", "moderation/flags/mine"): (None, SIGNED_IN),
    ("GET", "moderation/flags/mine/<uuid:report_id>"): (None, [401, 404, 404, 404, 401, 200, 404]),
    ("POST", "moderation/flags/mine/<uuid:report_id>/object"): (
        {"text": "x"},
        [401, 404, 404, 404, 401, 201, 404],
    ),
    ("POST", "moderation/flags/<uuid:flag_id>/resolve"): ({"resolution": "dismissed"}, MODERATORS),
    ("GET", "moderation/audit"): (None, MODERATORS),
    ("GET", "moderation/actions/mine"): (None, SIGNED_IN),
    ("POST", "moderation/actions/<uuid:action_id>/appeal"): ({"text": "x"}, [401, 404, 404, 404, 401, 201, 404]),
    ("GET", "moderation/actions/<uuid:action_id>/statement"): (None, [401, 404, 404, 404, 401, 200, 404]),
    ("GET", "moderation/appeals"): (None, MODERATORS),
    ("POST", "moderation/appeals/<uuid:appeal_id>/decide"): ({"decision": "uphold"}, MODERATORS),
    ("GET", "moderation/applications"): (None, MODERATORS),
    ("POST", "moderation/applications/<uuid:application_id>/decide"): ({"decision": "approve"}, MODERATORS),
}

# What a suspended caller with a restricted session may do; everything else is 403 `account_suspended`.
RESTRICTED = {
    ("POST", "auth/token"): 200,
    ("POST", "auth/revoke"): 404,
    ("GET", "auth/me"): 200,
    ("POST", "auth/password/reset"): 202,
    ("POST", "auth/password/reset/confirm"): 400,
    ("POST", "auth/email/confirm"): 400,
    ("POST", "auth/passkey-options"): 200,
    ("POST", "auth/email/change/confirm"): 400,
    ("POST", "auth/email/revert"): 400,
    ("GET", "moderation/actions/mine"): 200,
    ("POST", "users/me/export"): 202,
    ("GET", "users/me/export"): 200,
    ("POST", "moderation/actions/<uuid:action_id>/appeal"): 404,
    ("GET", "moderation/actions/<uuid:action_id>/statement"): 404,
}


def test_every_route_has_a_row_in_the_table():
    present = {(method, path.removeprefix("v1/")) for path, methods in routes().items() for method in methods}
    assert present == set(TABLE)


def test_unsupported_method_is_405_for_every_caller(anonymous, api, carol, mod):
    callers = anonymous, api(carol), api(mod)
    for path, methods in routes().items():
        plain = re.sub(r"<\w+:\w+>", str(new_id()), path)
        for method in {"GET", "POST", "PUT", "PATCH", "DELETE"} - methods:
            for caller in callers:
                answer = getattr(caller, method.lower())(f"/{plain}")
                assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed"), (method, path)
                assert answer.headers["Content-Type"] == "application/problem+json"


@pytest.fixture
def world(alice, mod):
    """What alice owns, and the callers."""
    post = PostFactory(author=alice)
    people: dict[str, Any] = {"anonymous": None, "owner": alice, "moderator": mod}
    for kind in ("stranger", "follower", "blocked", "suspended"):
        people[kind] = UserFactory(handle=kind)
    FollowFactory(follower=people["follower"], followed=alice)
    BlockFactory(blocker=alice, blocked=people["blocked"])
    callers = {kind: Caller(person) for kind, person in people.items()}
    accounts.suspend(people["suspended"], reason="spam")
    restricted = UserFactory(handle="restricted")
    accounts.suspend(restricted, reason="spam")
    callers["restricted"] = Caller(restricted)
    judge = UserFactory(handle="judge", is_superuser=True)
    hidden = [moderation.take_down_post(PostFactory(author=alice), by=judge, **TAKEDOWN) for _ in range(2)]
    report, _ = moderation.flag(people["stranger"], by=alice.pk, category="spam")
    names = {
        "alice": alice.pk,
        "session": accounts.open_session(alice).pk,
        "ready_media": MediaFactory(owner=alice).pk,
        "<str:user>": alice.pk,
        "<str:tag>": "husum",
        "<str:code>": invitations.create(alice.pk, max_uses=1, days=1).code,
        "<uuid:application_id>": Application.objects.create(user=UserFactory(state="pending"), reason="x").pk,
        "<uuid:post_id>": post.pk,
        "<uuid:comment_id>": CommentFactory(post=post, author=alice).pk,
        "<uuid:flag_id>": moderation.flag(alice, by=judge.pk, category="spam")[0].pk,
        "<uuid:report_id>": moderation.resolve_flag(report, by=judge, resolution="dismissed").pk,
        "<uuid:action_id>": hidden[0].pk,
        "<uuid:appeal_id>": moderation.appeal(hidden[1], by=alice.pk, text="x").pk,
        "<uuid:note_id>": notes.add(alice, by=judge, text="x").pk,
        "<uuid:notification_id>": Notification.objects.create(recipient=alice, type="moderation", statement="x").pk,
        "<uuid:subscription_id>": PushSubscription.objects.create(user=alice, endpoint="https://push.example/1").pk,
        "<uuid:media_id>": post.items.get().medium_id,
        "<uuid:passkey_id>": add_passkey(alice)[0].pk,
    }
    return callers, names


def fill(value: Any, names: dict[str, Any]) -> Any:
    if isinstance(value, dict):
        return {key: fill(inner, names) for key, inner in value.items()}
    if isinstance(value, list):
        return [fill(inner, names) for inner in value]
    if isinstance(value, str):
        for name, own in names.items():
            value = value.replace(f"{{{name}}}", str(own))
    return value


@pytest.mark.slow
def test_route_answers_each_caller_as_in_the_table(world, subtests):
    for method, route in TABLE:
        with subtests.test(method=method, route=route):
            answer_each_caller_as_in_the_table(method, route, world)


def answer_each_caller_as_in_the_table(method, route, world):
    """Each caller finds the world as it is: what the caller before did is undone."""
    callers, names = world
    given, expected = TABLE[method, route]
    path = route
    for name, own in names.items():
        path = path.replace(name, str(own)) if name.startswith("<") else path
    given = fill(given, names)
    query = given if isinstance(given, str) else ""
    body = given if isinstance(given, dict) else None
    answers = {}
    for kind in CALLERS:
        with rolled_back():
            answers[kind] = getattr(callers[kind], method.lower())(f"/{path}{query}", body).status_code
    assert answers == dict(zip(CALLERS, expected, strict=True))
    with rolled_back():
        answer = getattr(callers["restricted"], method.lower())(f"/{path}{query}", body)
    assert answer.status_code == RESTRICTED.get((method, route), 403)
    if answer.status_code == 403:
        problem = answer.json()
        assert (problem["code"], problem["reason"], problem["until"]) == ("account_suspended", "spam", None)


# Tags belong to nobody, and whether an invitation is valid is public.
PUBLIC = ("tags/", "moderation/tags/")
HERS = [
    key for key in TABLE if "<" in key[1] and not key[1].startswith(PUBLIC) and key != ("GET", "invitations/<str:code>")
]


@pytest.mark.promise("P7")
def test_invisible_object_answers_like_an_unknown_one(world, settings, subtests):
    """For a blocked caller, alice's things and random ids differ in nothing but the request id, and cost the same of
    their limit; nor do they for who is no moderator where only moderators may call."""
    settings.RATE_LIMITS_ENABLED = True
    for method, route in HERS:
        with subtests.test(method=method, route=route), rolled_back():
            answer_like_an_unknown_object(method, route, world)


def answer_like_an_unknown_object(method, route, world):
    callers, names = world
    given = fill(TABLE[method, route][0], names)
    body = given if isinstance(given, dict) else None
    hers, nobodys = route, route
    for name, own in names.items():
        if name.startswith("<"):
            hers = hers.replace(name, str(own))
            nobodys = nobodys.replace(name, str(new_id()))
    answers = [getattr(callers["blocked"], method.lower())(f"/{path}", body) for path in (hers, nobodys)]
    hidden = 403 if TABLE[method, route][1][CALLERS.index("owner")] == 403 else 404
    assert answers[0].status_code == answers[1].status_code == hidden
    plain = [{**answer.json(), "request_id": ""} for answer in answers]
    assert plain[0] == plain[1]
    spent = [int(answer.headers["RateLimit-Limit"]) - int(answer.headers["RateLimit-Remaining"]) for answer in answers]
    assert spent == [1, 2]
    of_each = {"X-Request-ID", "RateLimit-Remaining", "RateLimit-Reset"}
    headers = [{k: v for k, v in answer.headers.items() if k not in of_each} for answer in answers]
    assert headers[0] == headers[1]


TIMED = [key for key in HERS if key[0] == "GET"]


@pytest.mark.promise("P7")
def test_invisible_object_takes_no_more_statements_than_unknown_one(world, subtests):
    """Time is not measured here: it depends on the number of queries."""
    callers, names = world
    callers["blocked"].get("/feed")
    for _, route in TIMED:
        with subtests.test(route=route):
            asked = []
            for which in (names, dict.fromkeys(names, new_id())):
                path = route
                for name in names:
                    path = path.replace(name, str(which[name])) if name.startswith("<") else path
                with CaptureQueriesContext(connection) as queries:
                    callers["blocked"].get(f"/{path}")
                asked.append(len(queries))
            assert asked[0] == asked[1], asked
