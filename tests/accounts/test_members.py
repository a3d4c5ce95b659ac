"""Unconfirmed, deactivated and suspended members; language and time zone."""

import json
import re
from datetime import UTC, datetime, timedelta

import pytest
from django.core import mail
from django.utils import timezone

from apps.accounts import consents, erasure, exports, mails, security, services
from apps.accounts.models import Consent, SecurityEvent, Session, User
from apps.content import services as posts
from apps.content.models import Post
from apps.core import cache
from apps.engagement.models import Comment
from apps.feed import explore
from apps.moderation import services as moderation
from apps.notifications.models import NotificationEvent
from apps.site.models import DocumentVersion
from apps.social.models import Follow
from tests.conftest import Caller
from tests.factories import PASSWORD, CommentFactory, FollowFactory, MediaFactory, PostFactory, UserFactory

pytestmark = pytest.mark.django_db


def sign_in(**more):
    return Caller().post("/auth/token", {"login": "alice", "password": PASSWORD, **more})


def reload(user):
    return User.objects.get(pk=user.pk)


def bearer(answer):
    caller = Caller()
    caller.credentials(HTTP_AUTHORIZATION=f"Bearer {answer.json()['access']}")
    return caller


def code_of(answer):
    return answer.status_code, answer.json()["code"]


class TestConfirmedAddress:
    REFUSED = (403, "email_not_confirmed")

    @pytest.fixture(autouse=True)
    def required(self, settings):
        settings.REQUIRE_CONFIRMED_EMAIL = True

    def test_unconfirmed_member_neither_posts_nor_comments(self, api, alice, bob):
        photo, post = MediaFactory(owner=bob), PostFactory(author=alice)
        caller = api(bob)
        assert code_of(caller.post("/posts", {"media_ids": [photo.pk]})) == self.REFUSED
        for path in (f"/posts/{post.pk}/comments", f"/posts/{post.pk}/comment"):
            assert code_of(caller.post(path, {"text": "x"})) == self.REFUSED
        assert not Post.objects.filter(author=bob).exists()
        assert not Comment.objects.exists()
        # The rest is open.
        assert caller.post(f"/posts/{post.pk}/like").status_code == 200
        assert caller.patch("/users/me", {"bio": "x"}).status_code == 200

    def test_confirmation_opens_everything_at_once(self, api, alice, bob):
        post, caller = PostFactory(author=alice), api(bob)
        path = f"/posts/{post.pk}/comments"
        key = {"HTTP_IDEMPOTENCY_KEY": "one"}
        assert code_of(caller.post(path, {"text": "x"}, **key)) == self.REFUSED
        mails.send_confirmation(bob.pk, reference="1")
        token = re.search(r"token=([\w-]+)", mail.outbox[-1].body)[1]
        assert Caller().post("/auth/email/confirm", {"token": token}).status_code == 204
        assert caller.post(path, {"text": "x"}, **key).status_code == 201

    def test_unconfirmed_member_follows_five_accounts(self, api, alice):
        caller, others = api(alice), [UserFactory() for _ in range(4)]
        private = [UserFactory(private=True) for _ in range(2)]
        for other in [*others, private[0]]:
            assert caller.post(f"/users/{other.pk}/follow").status_code == 200
        for other in (UserFactory(), private[1]):
            assert code_of(caller.post(f"/users/{other.pk}/follow")) == self.REFUSED
        # Repeated, and after another one has gone.
        assert caller.post(f"/users/{others[0].pk}/follow").status_code == 200
        assert caller.post(f"/users/{private[0].pk}/follow").status_code == 200
        assert caller.post(f"/users/{others[0].pk}/unfollow").status_code == 200
        assert caller.post(f"/users/{private[1].pk}/follow").status_code == 200

    def test_confirmed_member_is_not_limited(self, api, alice):
        User.objects.filter(pk=alice.pk).update(email_verified_at=timezone.now())
        for other in [UserFactory() for _ in range(6)]:
            FollowFactory(follower=alice, followed=other)
        assert api(alice).post(f"/users/{UserFactory().pk}/follow").status_code == 200

    def test_setting_turns_it_off(self, api, alice, bob, settings):
        settings.REQUIRE_CONFIRMED_EMAIL = False
        path = f"/posts/{PostFactory(author=alice).pk}/comments"
        assert api(bob).post(path, {"text": "x"}).status_code == 201


class TestDeactivation:
    def deactivate(self, alice):
        return Caller(alice).post("/users/me/deactivate", {"password": PASSWORD})

    def test_account_is_hidden_like_a_suspended_one(self, api, alice, bob, mod, deliver):
        post = PostFactory(author=alice)
        other = PostFactory(author=bob)
        CommentFactory(post=other, author=alice)
        before = Caller(alice)
        assert self.deactivate(alice).status_code == 204
        deliver()
        assert before.get("/auth/me").status_code == 401
        assert set(Session.objects.owned_by(alice.pk).values_list("end_reason", flat=True)) == {"deactivated"}
        for path in ("/users/@alice", "/users/@alice/posts", f"/posts/{post.pk}"):
            assert api(bob).get(path).status_code == 404, path
        assert [shown["author"]["handle"] for shown in api(bob).get("/feed").json()["results"]] == ["bob"]
        assert api(bob).get("/search/users?q=alice").json()["results"] == []
        assert api(bob).get(f"/posts/{other.pk}/comments").json()["results"] == []
        assert api(bob).post("/users/@alice/follow").status_code == 404
        assert api(mod).get("/users/@alice").status_code == 200

    def test_nobody_is_notified_of_or_for_a_deactivated_account(self, api, alice, bob, deliver):
        post = PostFactory(author=alice)
        assert api(bob).post(f"/posts/{post.pk}/like").status_code == 200
        assert self.deactivate(alice).status_code == 204
        deliver()
        assert not NotificationEvent.objects.exists()

    def test_sign_in_asks_before_it_reactivates(self, alice, bob, deliver):
        PostFactory(author=alice)
        self.deactivate(alice)
        assert code_of(sign_in(password="wrong")) == (401, "invalid_credentials")
        for more in ({}, {"reactivate": False}, {"restricted": True}):
            assert code_of(sign_in(**more)) == (409, "account_deactivated")
        assert reload(alice).state == "deactivated"
        answer = sign_in(reactivate=True)
        deliver()
        assert answer.status_code == 200
        assert (reload(alice).state, reload(alice).deactivated_at) == ("active", None)
        assert Caller(bob).get("/users/@alice").status_code == 200
        assert len(Caller(bob).get("/feed").json()["results"]) == 1

    def test_wrong_password_changes_nothing(self, api, alice):
        answer = api(alice).post("/users/me/deactivate", {"password": "wrong"})
        assert code_of(answer) == (403, "wrong_password")
        assert reload(alice).state == "active"

    def test_reset_password_does_not_reactivate(self, alice):
        self.deactivate(alice)
        mails.send_reset(alice.email, reference="1")
        token = re.search(r"token=([\w-]+)", mail.outbox[-1].body)[1]
        services.reset_password(token=token, new="quite another pass phrase")
        assert reload(alice).state == "deactivated"

    def test_suspension_does_not_end_the_deactivation(self, alice):
        self.deactivate(alice)
        services.suspend(reload(alice), reason="spam")
        session = bearer(sign_in(restricted=True))
        assert session.get("/auth/me").status_code == 200
        services.unsuspend(reload(alice))
        assert reload(alice).state == "deactivated"
        assert session.get("/auth/me").status_code == 401
        assert sign_in(reactivate=True).status_code == 200

    def test_suspended_account_is_not_deactivated(self, alice):
        stale = reload(alice)
        services.suspend(alice, reason="spam")
        with pytest.raises(services.AccountSuspended):
            services.deactivate(stale, password=PASSWORD)
        assert reload(alice).state == "suspended"

    def test_deactivation_does_not_cancel_a_deletion(self, alice):
        """Both requests were authenticated before either was carried out."""
        loaded = reload(alice)
        services.leave(alice, password=PASSWORD)
        services.deactivate(loaded, password=PASSWORD)
        assert (reload(alice).state, reload(alice).erase_after is not None) == ("leaving", True)

    def test_erasure_and_export_are_unaffected(self, alice, deliver):
        export = services.request_export(alice, password=PASSWORD)
        self.deactivate(alice)
        deliver()
        assert exports.latest(alice.pk).status == "ready"
        assert "archive" in mail.outbox[-1].body
        assert export.pk == exports.latest(alice.pk).pk
        services.erase_now(alice)
        erasure.erase(alice.pk)
        assert not User.objects.filter(pk=alice.pk).exists()


NEEDS_A_SESSION = [
    ("post", "/users/me/handle", {"handle": "alicia"}),
    ("get", "/auth/email/change", None),
    ("post", "/auth/email/change", {"email": "new@example.org", "password": PASSWORD}),
    ("delete", "/auth/email/change", None),
    ("get", "/auth/security-events", None),
    ("post", "/auth/identity/confirm", {"password": PASSWORD}),
    ("get", "/users/me/second-factors", None),
    ("post", "/users/me/second-factors/totp", {}),
    ("post", "/users/me/second-factors/passkeys/options", {}),
    ("post", "/users/me/second-factors/recovery-codes", {}),
    ("get", "/users/me/consents", None),
    ("post", "/users/me/consents", {"terms": 1}),
    ("get", "/invitations", None),
    ("post", "/invitations", {}),
    ("post", "/users/me/deactivate", {"password": PASSWORD}),
]


@pytest.mark.parametrize("state", ["pending", "deactivated", "leaving", "erased", "suspended"])
def test_account_that_is_not_active_changes_nothing(alice, state):
    """Even if a session were left open. That of a suspended account is restricted."""
    caller = Caller(alice)
    User.objects.filter(pk=alice.pk).update(state=state)
    expected = (403, "account_suspended") if state == "suspended" else (401, "invalid_token")
    for method, path, body in NEEDS_A_SESSION:
        assert code_of(getattr(caller, method)(path, body)) == expected, path
    assert (reload(alice).handle, reload(alice).state) == ("alice", state)


class TestSuspended:
    UNTIL = timezone.now() + timedelta(days=3)

    @pytest.fixture
    def action(self, alice, mod):
        return moderation.suspend(alice, by=mod, reason="Sells watches.", category="spam", until=self.UNTIL)

    def test_sign_in_is_refused_with_the_reason_unless_asked(self, alice, action):
        refused = sign_in()
        assert code_of(refused) == (403, "account_suspended")
        assert refused.json()["reason"] == "Sells watches."
        assert refused.json()["until"]
        assert sign_in(restricted=True).status_code == 200

    def test_restricted_session_shows_the_reason_and_takes_the_appeal(self, alice, action):
        answer = sign_in(restricted=True)
        suspension = answer.json()["user"]["suspension"]
        assert (suspension["reason"], suspension["action_id"]) == ("Sells watches.", str(action.pk))
        caller = bearer(answer)
        assert caller.get("/auth/me").json()["suspension"] == suspension
        statement = caller.get(f"/moderation/actions/{action.pk}/statement").json()
        assert statement["can_appeal"]
        assert caller.post(f"/moderation/actions/{action.pk}/appeal", {"text": "No."}).status_code == 201
        refused = caller.get("/feed")
        assert code_of(refused) == (403, "account_suspended")
        assert (refused.json()["reason"], refused.json()["until"]) == (suspension["reason"], suspension["until"])

    def test_restricted_session_is_refreshed_and_ends(self, alice, action):
        answer = sign_in(restricted=True)
        renewed = Caller().post("/auth/token", {"grant_type": "refresh_token", "refresh": answer.json()["refresh"]})
        assert renewed.status_code == 200
        assert code_of(bearer(renewed).get("/feed")) == (403, "account_suspended")
        assert bearer(renewed).post("/auth/revoke").status_code == 204
        assert bearer(renewed).get("/auth/me").status_code == 401

    def test_cached_session_stays_restricted(self, alice, action):
        caller = bearer(sign_in(restricted=True))
        for _ in range(3):
            assert caller.get("/auth/me").status_code == 200
            assert code_of(caller.get("/instance")) == (403, "account_suspended")

    def test_refused_calls_are_limited(self, alice, action, settings):
        settings.RATE_LIMITS_ENABLED = True
        settings.RATE_LIMITS = settings.RATE_LIMITS | {"write": (2, 60)}
        caller = Caller(alice)
        assert [caller.get("/feed").status_code for _ in range(3)] == [403, 403, 429]

    def test_unsuspension_makes_the_session_an_ordinary_one(self, alice, mod, action):
        caller = bearer(sign_in(restricted=True))
        assert caller.get("/feed").status_code == 403
        moderation.unsuspend(alice, by=mod, reason="A mistake.")
        assert caller.get("/feed").status_code == 200
        assert caller.get("/auth/me").json()["suspension"] is None

    def test_another_suspension_ends_the_session(self, alice, mod, action):
        caller = bearer(sign_in(restricted=True))
        moderation.suspend(alice, by=mod, reason="Again.", category="spam")
        assert caller.get("/auth/me").status_code == 401

    def test_moderator_has_no_role_while_suspended(self, mod):
        services.suspend(mod, reason="x")
        caller = Caller(mod)
        assert code_of(caller.get("/moderation/flags")) == (403, "account_suspended")

    def test_export_is_made_and_mailed(self, alice, action, deliver):
        caller = bearer(sign_in(restricted=True))
        assert caller.post("/users/me/export", {"password": PASSWORD}).status_code == 202
        deliver()
        assert caller.get("/users/me/export").json()["status"] == "ready"
        assert "archive" in mail.outbox[-1].body

    @pytest.mark.parametrize("named", ["me", "@alice", "{id}"])
    def test_deletion_keeps_the_suspension_until_the_account_is_erased(self, alice, action, named):
        caller = bearer(sign_in(restricted=True))
        assert caller.delete(f"/users/{named.format(id=alice.pk)}", {"password": PASSWORD}).status_code == 202
        assert caller.get("/auth/me").status_code == 401
        assert (reload(alice).state, reload(alice).erase_after is not None) == ("suspended", True)
        # Signing in keeps the account, as it does for every other.
        assert sign_in(restricted=True).status_code == 200
        assert (reload(alice).state, reload(alice).erase_after) == ("suspended", None)

    def test_deletion_of_another_account_is_refused(self, alice, bob, action):
        caller = bearer(sign_in(restricted=True))
        for path in ("/users/@bob", f"/users/{bob.pk}", "/users/@nobody"):
            assert code_of(caller.delete(path, {"password": PASSWORD})) in {(403, "account_suspended")}
        assert reload(bob).state == "active"

    def test_session_from_before_is_not_restored(self, alice, mod):
        before = sign_in()
        moderation.suspend(alice, by=mod, reason="Spam.", category="spam")
        assert bearer(before).get("/auth/me").status_code == 401
        body = {"grant_type": "refresh_token", "refresh": before.json()["refresh"]}
        assert code_of(Caller().post("/auth/token", body)) == (403, "account_suspended")


class TestLanguageAndTimeZone:
    LANGUAGES = (("en", "English"), ("de", "German"), ("fr", "French"))

    @pytest.fixture(autouse=True)
    def languages(self, settings):
        settings.LANGUAGES = self.LANGUAGES

    @pytest.mark.parametrize(
        ("accepted", "locale"), [("de-AT,en;q=0.5", "de"), ("nl,fr;q=0.3", "fr"), ("nl", "en"), ("", "en")]
    )
    def test_sign_up_takes_the_language_of_the_client(self, accepted, locale):
        body = {"handle": "nora", "email": "nora@example.org", "password": PASSWORD}
        answer = Caller().post("/users", body, HTTP_ACCEPT_LANGUAGE=accepted)
        assert (answer.status_code, answer.json()["locale"], answer.json()["time_zone"]) == (201, locale, "")

    @pytest.mark.parametrize(("sent", "stored"), [("de", "de"), ("de-AT", "de"), ("FR", "fr"), ("en-GB", "en")])
    def test_language_is_one_that_the_server_has(self, api, alice, sent, stored):
        assert api(alice).patch("/users/me", {"locale": sent}).json()["locale"] == stored

    @pytest.mark.parametrize("sent", ["nl", "", "nonsense!", "x" * 40, None, 1, "en\0"])
    def test_other_language_is_refused(self, api, alice, sent):
        answer = api(alice).patch("/users/me", {"locale": sent})
        assert [error["field"] for error in answer.json()["errors"]] == ["locale"]

    @pytest.mark.parametrize("zone", ["Europe/Berlin", "America/Argentina/Ushuaia", "UTC", ""])
    def test_time_zone_is_stored(self, api, alice, zone):
        assert api(alice).patch("/users/me", {"time_zone": zone}).json()["time_zone"] == zone
        assert api(alice).get("/auth/me").json()["time_zone"] == zone

    @pytest.mark.parametrize("zone", ["Europe/Atlantis", "../etc/passwd", "localtime", "+01:00", None, 1, "UTC\0"])
    def test_unknown_time_zone_is_refused(self, api, alice, zone):
        answer = api(alice).patch("/users/me", {"time_zone": zone})
        assert [error["field"] for error in answer.json()["errors"]] == ["time_zone"]


def test_cached_session_of_another_release_is_not_used(alice):
    caller = Caller(alice)
    assert caller.get("/auth/me").status_code == 200
    key = cache.key("auth", "s", caller.login.pk)
    record = json.loads(cache.call(lambda client: client.get(key)))
    del record["user"]["time_zone"]
    cache.call(lambda client: client.set(key, json.dumps(record)))
    assert caller.get("/feed").status_code == 200


class TestMailsInTheTimeZoneOfTheMember:
    @pytest.mark.parametrize(("zone", "shown"), [("", "21:30 UTC"), ("Asia/Tokyo", "06:30 JST")])
    def test_security_mail(self, alice, zone, shown):
        User.objects.filter(pk=alice.pk).update(time_zone=zone)
        event = security.record(reload(alice), SecurityEvent.Kind.NEW_DEVICE)
        SecurityEvent.objects.filter(pk=event.pk).update(created_at=datetime(2026, 11, 23, 21, 30, tzinfo=UTC))
        mails.send_security_mail(event.pk, reference="1")
        assert shown in mail.outbox[-1].body

    def test_statement_of_reasons(self, alice, mod, deliver):
        User.objects.filter(pk=alice.pk).update(time_zone="Asia/Tokyo")
        until = datetime(2126, 11, 23, 21, 14, tzinfo=UTC)
        moderation.suspend(reload(alice), by=mod, reason="Spam.", category="spam", until=until)
        deliver()
        assert "24 November 2126, 06:14 JST" in mail.outbox[-1].body


class TestDiscoverable:
    PLACES = {
        "explore": "/explore",
        "suggestions": "/users/suggestions",
        "people": "/search/users?q=alice",
        "posts": "/search/posts?q=tide",
        "posts by tag": "/search/posts?q=%23husum",
        "tags": "/search/tags?q=husum",
        "tag": "/tags/husum/posts",
    }

    def shown(self, caller):
        return {place for place, path in self.PLACES.items() if caller.get(path).json()["results"]}

    def test_setting_takes_the_account_out_of_every_list_of_strangers(self, api, alice, carol):
        posts.create_post(author_id=alice.pk, media_ids=[MediaFactory(owner=alice).pk], caption="Low tide #husum")
        explore.keep_scores()
        friend = UserFactory()
        FollowFactory(follower=carol, followed=friend)
        FollowFactory(follower=friend, followed=alice)
        caller = api(carol)
        assert self.shown(caller) == set(self.PLACES)
        api(alice).patch("/users/me", {"settings": {"discoverable": False}})
        assert self.shown(caller) == set()
        # People who know the account still find it.
        assert caller.get("/users/@alice").status_code == 200
        assert len(caller.get("/users/@alice/posts").json()["results"]) == 1
        assert len(api(friend).get("/feed").json()["results"]) == 1
        api(alice).patch("/users/me", {"settings": {"discoverable": True}})
        assert self.shown(caller) == set(self.PLACES)


def test_consent_to_an_older_version_does_not_replace_one_to_a_newer_version(alice):
    """Another process may have read the documents before this one."""
    DocumentVersion.objects.create(kind="terms", number=2, texts={"en": {"text": "x"}}, effective_at=timezone.now())
    User.objects.filter(pk=alice.pk).update(accepted_terms=3)
    consents.accept(alice.pk, {"terms": 2})
    assert reload(alice).accepted_terms == 3
    assert Consent.objects.get().document.number == 2


def test_follows_of_a_deactivated_account_stay(alice, bob):
    services.deactivate(alice, password=PASSWORD)
    assert Follow.objects.filter(follower=bob, followed=alice).exists()
