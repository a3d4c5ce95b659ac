"""Every request example of the OpenAPI document is sent, and answered as the document says."""

import re
import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.utils import timezone

from apps.accounts import changes, passkeys, two_factor
from apps.accounts.models import Application
from apps.content.models import PostMedia
from apps.core.api.schema import ID
from apps.moderation import services as moderation
from apps.notifications.models import Notification
from apps.site import reads as site_reads
from apps.site import services as site
from apps.site.models import DocumentVersion
from tests.api.openapi import OPERATIONS, errors_of
from tests.authenticator import Authenticator, add_passkey
from tests.conftest import Caller
from tests.console.codes import code_of, enrol
from tests.factories import PASSWORD, CommentFactory, MediaFactory, PostFactory, UserFactory
from tests.moderation.people import BECAUSE, make_moderator

pytestmark = pytest.mark.django_db
EXAMPLES = [(id_, name) for id_, operation in OPERATIONS.items() for name in operation.request_examples()]


@dataclass
class Sending:
    """Who sends the example, the arguments of the path, and the values that only the server can issue."""

    by: Any = None
    path: dict[str, Any] = field(default_factory=dict)
    issued: dict[str, Any] = field(default_factory=dict)


def alice() -> Any:
    return UserFactory(handle="alice", email="alice@example.org")


def refresh_sign_in(_: Any) -> Sending:
    alice()
    pair = Caller().post("/auth/token", {"login": "alice", "password": PASSWORD}).json()
    return Sending(issued={"refresh": pair["refresh"]})


def mailed(path: str, **body: Any) -> Callable[[Any], Sending]:
    """With the token of the mail that a request to `path` sends."""

    def sending(deliver: Any) -> Sending:
        user = alice()
        Caller(None if body else user).post(path, body or None)
        deliver()
        return Sending(issued={"token": re.search(r"token=([\w-]+)", mail.outbox[-1].body)[1]})

    return sending


def changed_address(link: str) -> Callable[[Any], Sending]:
    """With the token of a mail about a change of the address; for the one that reverts it, after the change."""

    def sending(deliver: Any) -> Sending:
        user = UserFactory(handle="alice", email="alice@example.org", email_verified_at=timezone.now())
        changes.change_email(user, email="new@example.org", password=PASSWORD)
        deliver()
        if link == "revert-email":
            changes.confirm_email_change(_token_in_mail("confirm-new-email"))
            deliver()
        return Sending(issued={"token": _token_in_mail(link)})

    return sending


def _token_in_mail(link: str) -> str:
    bodies = "".join(str(message.body) for message in mail.outbox)
    return re.search(rf"{link}\?token=([\w-]+)", bodies)[1]


def own_media(_: Any) -> Sending:
    user = alice()
    MediaFactory(pk=ID, owner=user)
    return Sending(user, {"user": "me"})


def own_post(_: Any) -> Sending:
    user = alice()
    post = PostFactory(author=user, photos=0)
    PostMedia.objects.create(post=post, medium=MediaFactory(pk=ID, owner=user, in_use=True), position=0)
    return Sending(user, {"post_id": post.pk})


def own_notification(_: Any) -> Sending:
    user = alice()
    Notification.objects.create(pk=ID, recipient=user, type="moderation", statement="x")
    return Sending(user)


def taken_down(_: Any, *, appealed: bool = False, by_author: bool = False, undoing: bool = False) -> Sending:
    author, moderator = alice(), make_moderator("mod")
    post = PostFactory(author=author)
    action = moderation.take_down_post(post, by=moderator, **BECAUSE)
    if by_author:
        return Sending(author, {"action_id": action.pk})
    if undoing:
        return Sending(moderator, {"action_id": action.pk})
    if appealed:
        appeal = moderation.appeal(action, by=author.pk, text="No.")
        return Sending(make_moderator("judge", "admin"), {"appeal_id": appeal.pk})
    return Sending(moderator, {"post_id": post.pk})


def taken_down_comment(_: Any) -> Sending:
    moderator, comment = make_moderator("mod"), CommentFactory()
    moderation.take_down_comment(comment, by=moderator, **BECAUSE)
    return Sending(moderator, {"comment_id": comment.pk})


def suspended_user(_: Any) -> Sending:
    moderator = make_moderator("mod")
    moderation.suspend(UserFactory(handle="bob"), by=moderator, **BECAUSE)
    return Sending(moderator, {"user": "@bob"})


def report(_: Any) -> Sending:
    flag, _ = moderation.flag(PostFactory(), by=alice().pk, category="spam")
    return Sending(make_moderator("mod"), {"flag_id": flag.pk})


def application(_: Any) -> Sending:
    applied = Application.objects.create(user=UserFactory(state="pending"), reason="x")
    return Sending(make_moderator("mod"), {"application_id": applied.pk})


def new_terms(_: Any) -> Sending:
    for number in (1, 2):
        terms = site.publish_document("terms", texts={"en": {"text": f"Version {number}."}})
        DocumentVersion.objects.filter(pk=terms.pk).update(effective_at=terms.effective_at - timedelta(days=3 - number))
    site_reads.clear()
    return Sending(alice())


def dismissed_report(_: Any) -> Sending:
    reporter = alice()
    flag, _ = moderation.flag(PostFactory(), by=reporter.pk, category="spam")
    moderation.resolve_flag(flag, by=make_moderator("mod"), resolution="dismissed")
    return Sending(reporter, {"report_id": flag.pk})


def signed_out(_: Any) -> Sending:
    alice()
    return Sending()


def second_step(_: Any) -> Sending:
    device, _codes = enrol(alice())
    started = Caller().post("/auth/token", {"login": "alice", "password": PASSWORD}).json()
    return Sending(issued={"challenge": started["challenge"], "code": code_of(device)})


def passkey_sign_in(_: Any) -> Sending:
    _passkey, authenticator = add_passkey(alice())
    ceremony = Caller().post("/auth/passkey-options").json()
    return Sending(issued={"challenge": ceremony["challenge"], "passkey": authenticator.get(ceremony["options"])})


def app_setup(_: Any) -> Sending:
    user = alice()
    return Sending(user, issued={"code": code_of(two_factor.begin(user))})


def passkey_setup(_: Any) -> Sending:
    user = alice()
    ceremony = passkeys.begin_registration(user)
    return Sending(user, issued={"challenge": ceremony.challenge, "passkey": Authenticator().create(ceremony.options)})


def own_passkey(_: Any) -> Sending:
    user = alice()
    return Sending(user, {"passkey_id": add_passkey(user)[0].pk})


SENDINGS: dict[str, Callable[[Any], Sending]] = {
    "signUp": lambda _: Sending(),
    "signIn PasswordSignInRequest": signed_out,
    "signIn SecondFactorSignInRequest": second_step,
    "signIn PasskeySignInRequest": passkey_sign_in,
    "signIn RefreshSignInRequest": refresh_sign_in,
    "confirmIdentity": lambda _: Sending(alice()),
    "confirmTotp": app_setup,
    "createPasskey": passkey_setup,
    "updatePasskey": own_passkey,
    "revokeSessions": lambda _: Sending(alice()),
    "changePassword": lambda _: Sending(alice()),
    "requestPasswordReset": signed_out,
    "resetPassword": mailed("/auth/password/reset", email="alice@example.org"),
    "confirmEmail": mailed("/auth/email/resend"),
    "changeEmail": lambda _: Sending(alice()),
    "confirmEmailChange": changed_address("confirm-new-email"),
    "revertEmailChange": changed_address("revert-email"),
    "changeHandle": lambda _: Sending(alice()),
    "updateUser": own_media,
    "deactivateUser": lambda _: Sending(alice(), {"user": "me"}),
    "deleteUser": lambda _: Sending(alice(), {"user": "me"}),
    "requestDataExport": lambda _: Sending(alice()),
    "acceptDocuments": new_terms,
    "createPost": own_media,
    "updatePost": own_post,
    "createComment": lambda _: Sending(alice(), {"post_id": PostFactory().pk}),
    "createUpload": lambda _: Sending(alice()),
    "markNotificationsAsRead": own_notification,
    "updateNotificationPreferences": lambda _: Sending(alice()),
    "createPushSubscription": lambda _: Sending(alice()),
    "reportUser": lambda _: Sending(alice(), {"user": UserFactory().pk}),
    "reportPost": lambda _: Sending(alice(), {"post_id": PostFactory().pk}),
    "reportComment": lambda _: Sending(alice(), {"comment_id": CommentFactory().pk}),
    "closeReport": report,
    "objectToDismissal": dismissed_report,
    "takeDownPost": lambda _: Sending(make_moderator("mod"), {"post_id": PostFactory().pk}),
    "takeDownComment": lambda _: Sending(make_moderator("mod"), {"comment_id": CommentFactory().pk}),
    "suspendUser": lambda _: Sending(make_moderator("mod"), {"user": UserFactory().pk}),
    "limitUser": lambda _: Sending(make_moderator("mod"), {"user": UserFactory().pk}),
    "warnUser": lambda _: Sending(make_moderator("mod"), {"user": UserFactory().pk}),
    "markPostSensitive": lambda _: Sending(make_moderator("mod"), {"post_id": PostFactory().pk}),
    "limitPost": lambda _: Sending(make_moderator("mod"), {"post_id": PostFactory().pk}),
    "createTeamNote": lambda _: Sending(make_moderator("mod"), {"user": UserFactory().pk}),
    "changeTag": lambda _: Sending(make_moderator("mod"), {"tag": "husum"}),
    "changeModerationDigest": lambda _: Sending(make_moderator("mod")),
    "undoModerationAction": lambda _: taken_down(_, undoing=True),
    "restorePost": taken_down,
    "restoreComment": taken_down_comment,
    "unsuspendUser": suspended_user,
    "appealModerationAction": lambda _: taken_down(_, by_author=True),
    "decideAppeal": lambda _: taken_down(_, appealed=True),
    "createInvitation": lambda _: Sending(alice()),
    "decideApplication": application,
}


@pytest.fixture(autouse=True)
def _resolvable(monkeypatch):
    """The push service of the example has an address."""
    address = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("93.184.215.14", 443))
    resolve = socket.getaddrinfo

    def getaddrinfo(host, *rest, flags=0, **more):
        # A name is no number.
        known = host == "push.example.org" and flags != socket.AI_NUMERICHOST
        return [address] if known else resolve(host, *rest, flags=flags, **more)

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)


@pytest.mark.parametrize(("operation_id", "name"), EXAMPLES, ids=[" ".join(each).strip() for each in EXAMPLES])
def test_request_example_is_answered_as_documented(operation_id, name, deliver):
    operation = OPERATIONS[operation_id]
    make = SENDINGS[f"{operation_id} {name}".strip()]
    sending = make(deliver)
    body = operation.request_examples()[name] | sending.issued
    assert not errors_of(body, operation.request_schema())
    send = getattr(Caller(sending.by), operation.method.lower())
    response = send(operation.path.format(**sending.path), body)
    documented = operation.responses()[str(response.status_code)]
    assert response.status_code < 300, response.content
    if "content" in documented:
        assert not errors_of(response.json(), documented["content"]["application/json"]["schema"])
    else:
        assert not response.content
