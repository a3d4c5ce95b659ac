"""All URLs of the pages with their answers for every kind of visitor, and the world that they are about."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.core import mail
from django.utils import timezone

from apps.accounts import changes, invitations
from apps.accounts import services as accounts
from apps.accounts.models import Session, User
from apps.core.db.ids import new_id
from apps.moderation import services as moderation
from apps.moderation.digests import unsubscribe_token
from apps.notifications.models import Notification, NotificationEvent, PushSubscription
from apps.social.models import FollowRequest
from tests.authenticator import add_passkey
from tests.factories import (
    PASSWORD,
    BlockFactory,
    CommentFactory,
    FollowFactory,
    MediaFactory,
    PostFactory,
    UserFactory,
)
from tests.web.conftest import cookie_of

VISITORS = ["anonymous", "member", "owner", "blocked", "suspended", "moderator"]
LOGIN = "login"  # a redirect to the sign-in page
Answers = tuple[int | str, ...]

# The answers in the order of VISITORS. The cookie of a suspended member opens nothing: they are anonymous.
EVERYBODY = (200,) * 6
NOBODY = (405,) * 6
REDIRECT = (302,) * 6
BAD = (400,) * 6
MEMBERS = (LOGIN, 200, 200, 200, LOGIN, 200)
GUESTS = (200, 302, 302, 302, 200, 302)
VISIBLE = (200, 200, 200, 404, 200, 200)
MEMBERS_WHO_SEE = (LOGIN, 200, 200, 404, LOGIN, 200)
EXISTENCE_KNOWN = (LOGIN, 403, 200, 404, LOGIN, 403)
OWNER = (LOGIN, 404, 200, 404, LOGIN, 404)
# Forms, which end with a redirect.
SENT = (LOGIN, 302, 302, 302, LOGIN, 302)
SENT_IF_VISIBLE = (LOGIN, 302, 302, 404, LOGIN, 302)
SENT_BY_OWNER = (LOGIN, 403, 302, 404, LOGIN, 403)
SENT_BY_OWNER_ONLY = (LOGIN, 404, 302, 404, LOGIN, 404)
TO_OTHERS = (LOGIN, 302, 400, 404, LOGIN, 302)


def calls(success: int, *, others: int | None = None) -> Answers:
    """The answers of an operation for scripts of members: 401 without a session. `others`: for all but the owner."""
    rest = success if others is None else others
    return (401, rest, success, rest, 401, rest)


@dataclass
class Row:
    """A path about the owner, and its answers by method. `data`: what the form or the script sends."""

    path: str
    get: Answers = NOBODY
    post: Answers = NOBODY
    delete: Answers | None = None
    data: dict[str, Any] = field(default_factory=dict)

    @property
    def writes(self) -> dict[str, Answers]:
        return {"post": self.post} | ({"delete": self.delete} if self.delete else {})


def relation(action: str, answers: Answers = TO_OTHERS) -> Row:
    return Row(f"/@alice/{action}", post=answers)


CHOSEN = {"theme": "dark", "locale": "en", "display_name": "A", "bio": "B", "website": ""}
COMMENT = {"text": "What light!", "key": "k" * 32}
ROWS = [
    Row("/", EVERYBODY),
    Row("/new-posts?after={post}", MEMBERS),
    Row("/explore", EVERYBODY),
    Row("/@alice", VISIBLE),
    Row("/@nobody", (404,) * 6),
    Row("/@alice/followers", MEMBERS_WHO_SEE),
    Row("/@alice/following", MEMBERS_WHO_SEE),
    *map(relation, ["follow", "unfollow", "mute", "block", "remove-follower"]),
    *(relation(action, SENT_IF_VISIBLE) for action in ["unmute", "unblock"]),
    Row("/requests", MEMBERS),
    Row("/requests/@rita/accept", post=SENT_BY_OWNER_ONLY),
    Row("/requests/@rita/reject", post=SENT_BY_OWNER_ONLY),
    Row("/suggestions", MEMBERS),
    Row("/search", EVERYBODY),
    Row("/search?q=ali", EVERYBODY),
    Row("/tags/husum", EVERYBODY),
    Row("/refresh/posts?ids={post}", EVERYBODY),
    Row("/refresh/people?ids={alice}", MEMBERS),
    # Posts
    Row("/p/{post}", VISIBLE),
    Row("/p/{unknown}", (404,) * 6),
    Row("/p/{post}/like", post=SENT_IF_VISIBLE),
    Row("/p/{post}/save", post=SENT_IF_VISIBLE),
    Row("/p/{post}/likes", MEMBERS_WHO_SEE),
    Row("/p/{post}/delete", EXISTENCE_KNOWN, SENT_BY_OWNER),
    Row("/p/{post}/comments", VISIBLE, SENT_IF_VISIBLE, data=COMMENT),
    Row("/p/{post}/comments/{comment}", VISIBLE),
    # A moderator who deletes a comment takes it down.
    Row("/p/{post}/comments/{comment}/delete", post=(LOGIN, 403, 302, 404, LOGIN, 302)),
    Row("/p/{post}/comments/{comment}/like", post=SENT_IF_VISIBLE),
    Row("/p/{post}/edit", EXISTENCE_KNOWN, SENT_BY_OWNER, data={"caption": "B", "visibility": "public"}),
    Row("/p/{post}/state", MEMBERS_WHO_SEE),
    # A post that was taken down, which its author and moderators still see.
    Row("/p/{taken}", (404, 404, 200, 404, 404, 200)),
    Row("/p/{taken}/like", post=(LOGIN, 404, 302, 404, LOGIN, 404)),
    Row("/saved", MEMBERS),
    Row("/liked", MEMBERS),
    Row("/new", MEMBERS),
    # Accounts
    Row("/login", GUESTS, REDIRECT, data={"login": "bob", "password": PASSWORD}),
    Row("/logout", (302, 200, 200, 200, 302, 200), REDIRECT),
    Row("/join", GUESTS, REDIRECT, data={"handle": "nora", "email": "nora@example.org", "password": PASSWORD + "!"}),
    Row("/invite/{code}", EVERYBODY),
    Row("/invite/abcdefghjkmn", (404,) * 6),
    Row("/forgot", EVERYBODY, REDIRECT, data={"email": "alice@example.org"}),
    Row("/reset-password", BAD, BAD),
    Row(
        "/reset-password?token={reset}",
        EVERYBODY,
        REDIRECT,
        data={"token": "{reset}", "new_password": PASSWORD + "!"},
    ),
    Row("/confirm-email", BAD, BAD),
    Row("/confirm-email?token={confirm}", EVERYBODY, REDIRECT, data={"token": "{confirm}"}),
    Row("/confirm-email/resend", post=SENT),
    Row("/confirm-new-email", BAD, BAD),
    Row("/confirm-new-email?token={new_email}", EVERYBODY, REDIRECT, data={"token": "{new_email}"}),
    Row("/revert-email", BAD, BAD),
    Row(
        "/revert-email?token={old_email}",
        EVERYBODY,
        REDIRECT,
        data={"token": "{old_email}", "new_password": PASSWORD + "!"},
    ),
    Row("/.well-known/change-password", REDIRECT),
    # Settings
    Row("/settings", MEMBERS),
    *(
        Row(f"/settings/{name}", MEMBERS, SENT, data=CHOSEN)
        for name in ["profile", "account", "notifications", "privacy", "appearance"]
    ),
    Row(
        "/settings/security",
        MEMBERS,
        SENT,
        data={"current_password": PASSWORD, "new_password": PASSWORD + "!"},
    ),
    # The owner has a passkey.
    Row("/settings/security/confirm", MEMBERS, SENT, data={"password": PASSWORD}),
    Row("/settings/security/app", MEMBERS, (LOGIN, 400, 400, 400, LOGIN, 400), data={"code": "000000"}),
    Row("/settings/security/app/remove", post=(LOGIN, 409, 409, 409, LOGIN, 409)),
    Row("/settings/security/passkeys/new", MEMBERS, (LOGIN, 400, 400, 400, LOGIN, 400), data={"passkey": "x"}),
    Row("/settings/security/passkeys/{passkey}", OWNER, SENT_BY_OWNER_ONLY, data={"name": "Phone"}),
    Row("/settings/security/passkeys/{passkey}/remove", post=SENT_BY_OWNER_ONLY),
    Row("/settings/security/recovery-codes", post=(LOGIN, 409, 200, 409, LOGIN, 409)),
    Row("/settings/moderation", MEMBERS),
    Row("/settings/account/handle", MEMBERS, SENT, data={"handle": "another"}),
    Row("/settings/account/email", MEMBERS, SENT, data={"email": "another@example.org", "password": PASSWORD}),
    Row("/settings/account/email/cancel", post=SENT),
    Row("/settings/security/events", MEMBERS),
    Row("/settings/sessions", MEMBERS),
    Row("/settings/sessions/end-others", post=SENT),
    Row("/settings/sessions/{session}/end", post=SENT_BY_OWNER_ONLY),
    Row("/settings/invitations", MEMBERS, SENT, data={"max_uses": "1", "days": "7"}),
    Row("/settings/invitations/{code}/revoke", post=SENT_BY_OWNER_ONLY),
    Row("/settings/blocked", MEMBERS),
    Row("/settings/muted", MEMBERS),
    Row("/settings/export", MEMBERS, SENT, data={"password": PASSWORD}),
    Row("/settings/deactivate", MEMBERS, SENT, data={"password": PASSWORD}),
    # Of a member who is not suspended.
    Row("/suspended", (LOGIN, 302, 302, 302, LOGIN, 302)),
    Row("/settings/delete", MEMBERS, SENT, data={"password": PASSWORD}),
    Row("/settings/profile/avatar", MEMBERS, SENT),
    Row("/export", REDIRECT),
    # Reports and appeals. The decision is the takedown of a post of the owner.
    *(
        Row(f"/report?type={target}", MEMBERS_WHO_SEE, (LOGIN, 200, 400, 404, LOGIN, 200), data={"category": "spam"})
        for target in ["post&id={post}", "user&id={alice}", "comment&id={comment}"]
    ),
    Row("/report?type=post&id={taken}", (LOGIN, 404, 200, 404, LOGIN, 404), (LOGIN, 404, 400, 404, LOGIN, 404)),
    Row("/reports", MEMBERS),
    Row("/reports/{report}", OWNER, SENT_BY_OWNER_ONLY, data={"text": "No."}),
    Row("/appeal?action={decision}", OWNER, OWNER, data={"text": "No."}),
    Row("/appeal?action={decision}&token=x", BAD, BAD, data={"text": "No."}),
    # The link in the mails to moderators about new reports
    Row("/moderation-digest/stop", BAD, BAD),
    Row("/moderation-digest/stop?token={digest}", EVERYBODY, EVERYBODY),
    # The site
    Row("/language", post=(302,) * 6, data={"language": "de"}),
    *(Row(f"/{name}", EVERYBODY) for name in ["about", "rules", "terms", "privacy", "offline", "manifest.webmanifest"]),
    *(Row(f"/{name}", EVERYBODY) for name in ["robots.txt", "sitemap.xml", "sitemap-posts.xml", "sw.js"]),
    Row("/favicon.ico", REDIRECT),
    Row("/logo/{unknown}.png", (404,) * 6),
    Row("/accent-6b2fbf.css", EVERYBODY),
    Row("/accent-ffcc00.css", (404,) * 6),
    Row("/consents", post=SENT),
    Row("/announcements/{unknown}/dismiss", post=REDIRECT),
    # Other sites ask as nobody: the answers show what is public.
    Row("/oembed?url={site}/p/{post}", EVERYBODY),
    Row("/oembed?url={site}/p/{taken}", (404,) * 6),
    Row("/@alice/feed.atom", EVERYBODY),
    Row("/tags/husum/feed.atom", EVERYBODY),
    # Notifications
    Row("/notifications", MEMBERS),
    Row("/notifications/read", post=SENT),
    Row("/notifications/{notification}", (LOGIN, 404, 302, 404, LOGIN, 404)),
    # Operations for scripts
    Row("/web/uploads", NOBODY, calls(201), data={"content_type": "image/jpeg", "bytes": 1000}),
    Row("/web/uploads/{medium}", calls(200, others=404), NOBODY),
    Row("/web/uploads/{medium}/complete", NOBODY, calls(409, others=404)),
    Row("/web/media/{medium}", NOBODY, NOBODY, delete=calls(204, others=404)),
    Row("/web/posts", NOBODY, calls(201, others=400), data={"media_ids": ["{uploaded}"]}),
    Row("/web/posts/{post}", VISIBLE, NOBODY),
    Row("/web/unread", calls(200), NOBODY),
    Row("/web/notifications/read", NOBODY, calls(200)),
    Row("/web/push-subscriptions", calls(200), calls(400)),
    Row("/web/push-subscriptions/{subscription}", NOBODY, NOBODY, delete=calls(204, others=404)),
    Row("/web/sign-up-challenge", EVERYBODY, NOBODY),
    Row("/web/passkey-options", NOBODY, EVERYBODY),
    Row("/web/passkeys/options", NOBODY, calls(200)),
    Row("/web/search/users?q=ali", EVERYBODY, NOBODY),
    Row("/web/search/tags?q=hus", EVERYBODY, NOBODY),
]


# ── The world ────────────────────────────────────────────────────────────────────────────────────────────
@dataclass
class World:
    """`values` replace the names in paths and data; `cookies` has the session of each visitor, `members` the users."""

    values: dict[str, Any]
    cookies: dict[str, str]
    members: dict[str, User]

    def fill(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {name: self.fill(each) for name, each in value.items()}
        if isinstance(value, list):
            return [self.fill(each) for each in value]
        return value.format_map(self.values) if isinstance(value, str) else value


def build_world(deliver: Callable[[], Any]) -> World:
    """Alice is the owner, whom bob follows; mallory is blocked by her; sam follows her and is suspended."""
    alice, bob, mallory, sam, rita = (UserFactory(handle=name) for name in ("alice", "bob", "mallory", "sam", "rita"))
    mod = UserFactory(handle="mod", is_staff=True, role="moderator")
    # Before there are posts: their photos have no objects in storage, which tasks would copy.
    tokens = _tokens(alice, deliver)
    BlockFactory(blocker=alice, blocked=mallory)
    for follower in (bob, sam):
        FollowFactory(follower=follower, followed=alice)
    FollowRequest.objects.create(requester=rita, target=alice)
    post = PostFactory(author=alice, caption="Low tide at #husum", published_at=timezone.now())
    taken = PostFactory(author=alice)
    notification = Notification.objects.create(recipient=alice, type="like", post=post)
    NotificationEvent.objects.create(notification=notification, recipient=alice, actor=bob, cause=new_id())
    push = {"endpoint": "https://push.example.org/1", "p256dh": "p", "auth": "a"}
    members = {"member": bob, "owner": alice, "blocked": mallory, "suspended": sam, "moderator": mod}
    cookies = {visitor: cookie_of(user) for visitor, user in members.items()}
    moderation.suspend(sam, by=mod, reason="Spam.", category="spam")
    # The cookie of a session that sam has opened since.
    cookies["restricted"] = cookie_of(sam)
    report, _ = moderation.flag(bob, by=alice.pk, category="spam")
    values = {
        "site": settings.PUBLIC_URL,
        "unknown": new_id(),
        "alice": alice.pk,
        "post": post.pk,
        "taken": taken.pk,
        "comment": CommentFactory(post=post, author=alice).pk,
        "medium": MediaFactory(owner=alice, status="pending").pk,
        "uploaded": MediaFactory(owner=alice, status="uploaded").pk,
        "notification": notification.pk,
        "subscription": PushSubscription.objects.create(user=alice, **push).pk,
        "passkey": add_passkey(alice)[0].pk,
        "session": Session.objects.get(user=alice).pk,
        "code": invitations.create(alice.pk, max_uses=1, days=1).code,
        "digest": unsubscribe_token(mod.pk),
        "report": moderation.resolve_flag(report, by=mod, resolution="dismissed").pk,
        "decision": moderation.take_down_post(taken, by=mod, reason="Spam.", category="spam").pk,
        **tokens,
    }
    return World(values, cookies, members)


def _tokens(user: User, deliver: Callable[[], Any]) -> dict[str, str]:
    """The tokens of the links of mails."""
    accounts.request_password_reset(user.email)
    accounts.resend_confirmation(user)
    deliver()
    changing = UserFactory(handle="chris", email_verified_at=timezone.now())
    for email in ("chris@example.net", "chris@example.com"):
        changes.change_email(changing, email=email, password=PASSWORD)
        deliver()
        if email == "chris@example.net":
            changes.confirm_email_change(_sent_tokens()["confirm-new-email"])
            deliver()
    sent = _sent_tokens()
    return {
        "reset": sent["reset-password"],
        "confirm": sent["confirm-email"],
        "new_email": sent["confirm-new-email"],
        "old_email": sent["revert-email"],
    }


def _sent_tokens() -> dict[str, str]:
    """The newest token of each kind of link."""
    bodies = "\n".join(str(message.body) for message in mail.outbox)
    return dict(re.findall(r"/([a-z-]+)\?token=(\S+)", bodies))
