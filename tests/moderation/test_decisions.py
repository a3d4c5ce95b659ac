"""Takedowns and suspensions: effect, idempotency and restoration."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.conf import settings
from django.utils import timezone

from apps.accounts import services as accounts
from apps.accounts.models import User
from apps.content import exposure
from apps.content import services as content
from apps.content.models import Post
from apps.content.tasks import reconcile_account
from apps.core.db.ids import new_id
from apps.core.models import QueuedTask
from apps.media import storage
from apps.media.models import Media
from apps.moderation.cases import suspensions
from apps.moderation.models import ModerationAction
from tests.conftest import Caller
from tests.factories import PASSWORD, MediaFactory, PostFactory, UserFactory
from tests.media.uploads import fetch, ready, variant_urls
from tests.moderation.people import BECAUSE, make_moderator
from tests.threads import in_threads

pytestmark = pytest.mark.django_db


@pytest.fixture
def post(alice):
    created = content.create_post(author_id=alice.pk, media_ids=[MediaFactory(owner=alice).pk], caption="tide")
    exposure.reconcile([created.pk])
    return created


def actions():
    return list(ModerationAction.objects.order_by("id").values_list("action", flat=True))


def is_wanted_public(post):
    return set(Media.objects.filter(posts=post).values_list("wanted_public", flat=True)) == {True}


class TestTakedown:
    def test_post_is_hidden_from_others_and_restored(self, api, alice, bob, mod, post):
        answer = api(mod).post(f"/moderation/posts/{post.pk}/takedown", BECAUSE)
        assert answer.status_code == 200
        body = answer.json()
        assert {**body, "id": "", "created_at": "", "actor": body["actor"]["handle"]} == {
            "id": "",
            "actor": "mod",
            "action": "takedown",
            "target_type": "post",
            "target_id": str(post.pk),
            "reason": "Sells watches.",
            "category": "spam",
            "rule": None,
            "created_at": "",
            "reversed_at": None,
        }
        assert api(bob).get(f"/posts/{post.pk}").status_code == 404
        assert api(alice).get(f"/posts/{post.pk}").json()["status"] == "taken_down"
        assert api(mod).get(f"/posts/{post.pk}").json()["status"] == "taken_down"
        restored = api(mod).post(f"/moderation/posts/{post.pk}/restore")
        assert (restored.json()["action"], restored.json()["category"]) == ("restore", "spam")
        assert api(bob).get(f"/posts/{post.pk}").json()["status"] == "published"
        taken_down = api(mod).get("/moderation/audit?action=takedown").json()["results"][0]
        assert taken_down["reversed_at"] == restored.json()["created_at"]

    @pytest.mark.promise("P10")
    def test_public_photos_are_removed_and_restored(self, api, mod, post):
        assert is_wanted_public(post)
        api(mod).post(f"/moderation/posts/{post.pk}/takedown", BECAUSE)
        assert not is_wanted_public(post)
        assert set(Media.objects.filter(posts=post).values_list("urls_revoked", flat=True)) == {True}
        api(mod).post(f"/moderation/posts/{post.pk}/restore", {"reason": "Looked again."})
        assert is_wanted_public(post)

    @pytest.mark.promise("P10")
    def test_variants_leave_public_storage_and_return_under_new_urls(self, api, alice, mod, deliver):
        medium = ready(api(alice), deliver)
        post = content.create_post(author_id=alice.pk, media_ids=[medium.pk], caption="tide")
        deliver()

        def shown():
            return variant_urls(api(alice).get(f"/posts/{post.pk}").json()["media"][0])

        def in_the_public_bucket():
            client = storage.client()
            return client.list_objects_v2(Bucket=settings.S3_PUBLIC_BUCKET).get("Contents", [])

        before, kept = shown(), in_the_public_bucket()
        assert {fetch(url) for url in before} == {200}
        api(mod).post(f"/moderation/posts/{post.pk}/takedown", BECAUSE)
        deliver()
        assert {fetch(url) for url in before} == {404}
        assert len(in_the_public_bucket()) == len(kept) - len(before)
        assert {fetch(url) for url in shown()} == {200}, "its author still sees it, by signed URLs"
        api(mod).post(f"/moderation/posts/{post.pk}/restore")
        deliver()
        assert {fetch(url) for url in shown()} == {200}
        assert not set(shown()) & set(before)
        assert {fetch(url) for url in before} == {404}
        assert len(in_the_public_bucket()) == len(kept)

    def test_repeated_takedown_is_idempotent(self, api, alice, mod, post):
        first = api(mod).post(f"/moderation/posts/{post.pk}/takedown", BECAUSE)
        again = api(mod).post(f"/moderation/posts/{post.pk}/takedown", {"reason": "Other.", "category": "hate"})
        assert first.json() == again.json()
        for _ in range(2):
            restored = api(mod).post(f"/moderation/posts/{post.pk}/restore")
        assert restored.status_code == 200
        assert actions() == ["takedown", "restore"]
        assert Post.objects.get(pk=post.pk).taken_down_at is None
        assert User.objects.get(pk=alice.pk).post_count == 1

    def test_takedown_after_restoration_is_a_new_action(self, api, mod, post):
        for verb in ("takedown", "restore", "takedown"):
            answer = api(mod).post(f"/moderation/posts/{post.pk}/{verb}", BECAUSE if verb == "takedown" else None)
        assert answer.json()["reversed_at"] is None
        assert actions() == ["takedown", "restore", "takedown"]

    def test_restoration_needs_a_takedown(self, api, mod, post):
        answer = api(mod).post(f"/moderation/posts/{post.pk}/restore")
        assert (answer.status_code, answer.json()["code"]) == (409, "nothing_to_undo")
        assert actions() == []

    def test_takedown_without_a_record_can_be_restored(self, api, mod, post):
        content.take_down(post)
        assert api(mod).post(f"/moderation/posts/{post.pk}/restore").json()["action"] == "restore"
        assert not Post.objects.exclude(taken_down_at=None).exists()

    def test_deleted_post_is_not_found(self, api, mod, post):
        api(mod).post(f"/moderation/posts/{post.pk}/takedown", BECAUSE)
        content.delete_post(post)
        assert api(mod).post(f"/moderation/posts/{post.pk}/restore").status_code == 404

    @pytest.mark.parametrize(
        ("body", "field"),
        [
            ({"category": "spam"}, "reason"),
            ({"reason": " ", "category": "spam"}, "reason"),
            ({"reason": "x" * 1001, "category": "spam"}, "reason"),
            ({"reason": "x"}, "category"),
            ({"reason": "x", "category": "taste"}, "category"),
            ({"reason": "x", "category": "spam", "actor": "alice"}, "actor"),
        ],
    )
    def test_takedown_needs_a_reason_and_a_known_category(self, api, mod, post, body, field):
        answer = api(mod).post(f"/moderation/posts/{post.pk}/takedown", body)
        assert answer.status_code == 400
        assert [error["field"] for error in answer.json()["errors"]] == [field]
        assert actions() == []


class TestSuspension:
    def suspend(self, mod, **more):
        return Caller(mod).post("/moderation/users/@alice/suspend", BECAUSE | more)

    @pytest.mark.promise("A1")
    def test_suspension_revokes_tokens_and_hides_content_until_undone(self, api, alice, bob, mod, post):
        hers = Caller(alice)
        followers = api(bob).get("/users/@alice").json()["counts"]["followers"]
        assert hers.get("/auth/me").status_code == 200
        assert self.suspend(mod).json()["action"] == "suspend"
        assert hers.get("/auth/me").status_code == 401
        for path in ("/users/@alice", "/users/@alice/posts", f"/posts/{post.pk}"):
            assert api(bob).get(path).status_code == 404, path
        refused = Caller().post("/auth/token", {"login": "alice", "password": PASSWORD})
        assert (refused.json()["code"], refused.json()["reason"]) == ("account_suspended", "Sells watches.")
        assert api(mod).post("/moderation/users/@alice/unsuspend").json()["action"] == "unsuspend"
        shown = api(bob).get("/users/@alice").json()
        assert (shown["counts"]["followers"], shown["counts"]["posts"]) == (followers, 1)
        assert api(bob).get(f"/posts/{post.pk}").status_code == 200
        assert Caller().post("/auth/token", {"login": "alice", "password": PASSWORD}).status_code == 200

    @pytest.mark.promise("P10")
    def test_suspension_hides_public_photos(self, api, alice, mod, post):
        self.suspend(mod)
        self.answer_doorbells()
        assert not is_wanted_public(post)
        api(mod).post("/moderation/users/@alice/unsuspend")
        self.answer_doorbells()
        assert is_wanted_public(post)

    @staticmethod
    def answer_doorbells():
        for bell in QueuedTask.objects.filter(task_name=exposure.RECONCILE_ACCOUNT):
            reconcile_account.apply(kwargs=bell.kwargs, throw=True)
            bell.delete()

    @pytest.mark.parametrize("spelled", ["@alice", "@ALICE", "id"])
    def test_suspended_account_is_found_by_every_identifier(self, api, alice, mod, spelled):
        self.suspend(mod)
        spelled = alice.pk if spelled == "id" else spelled
        assert api(mod).post(f"/moderation/users/{spelled}/unsuspend").status_code == 200

    @pytest.mark.parametrize("spelled", ["@nobody.here", "@é", "x", "@", "00000000-0000-0000-0000-000000000000"])
    def test_unknown_account_is_not_found(self, api, mod, spelled):
        assert api(mod).post(f"/moderation/users/{spelled}/suspend", BECAUSE).status_code == 404

    def test_repeated_suspension_is_idempotent(self, mod, alice):
        until = "2126-11-23T16:14:05.123Z"
        first, again = (self.suspend(mod, until=until) for _ in range(2))
        assert first.json() == again.json()
        assert actions() == ["suspend"]
        assert User.objects.get(pk=alice.pk).suspended_until == datetime(2126, 11, 23, 16, 14, 5, 123000, tzinfo=UTC)

    def test_suspension_with_another_end_replaces_the_former(self, api, mod, alice):
        first = self.suspend(mod).json()
        second = self.suspend(mod, until="2126-11-23T16:14:05.123Z").json()
        assert first["id"] != second["id"]
        listed = {row["id"]: row for row in api(mod).get("/moderation/audit").json()["results"]}
        assert listed[first["id"]]["reversed_at"] == second["created_at"]
        assert listed[second["id"]]["reversed_at"] is None
        api(mod).post("/moderation/users/@alice/unsuspend")
        assert not ModerationAction.objects.in_force().exists()

    @pytest.mark.parametrize("until", ["2020-01-01T00:00:00Z", "tomorrow", "9999-12-31T23:59:59-14:00", 12])
    def test_suspension_must_end_in_the_future(self, mod, alice, until):
        answer = self.suspend(mod, until=until)
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, "until")
        assert actions() == []

    def test_suspension_ends_when_its_time_is_over(self, api, alice, mod):
        self.suspend(mod, until=timezone.now() + timedelta(days=1))
        suspensions.end_due()
        assert actions() == ["suspend"]
        with time_machine.travel(timezone.now() + timedelta(days=1, minutes=1)):
            suspensions.end_due()
            suspensions.end_due()
        assert actions() == ["suspend", "unsuspend"]
        assert User.objects.get(pk=alice.pk).state == "active"
        ended = api(mod).get("/moderation/audit?action=unsuspend").json()["results"][0]
        assert (ended["actor"], ended["category"]) == (None, "spam")
        assert not ModerationAction.objects.in_force().exists()

    def test_extended_suspension_does_not_end_at_the_former_time(self, alice, mod):
        self.suspend(mod, until=timezone.now() + timedelta(days=1))
        self.suspend(mod, until=timezone.now() + timedelta(days=9))
        UserFactory(handle="other", state="suspended", suspended_until=timezone.now() + timedelta(days=1))
        with time_machine.travel(timezone.now() + timedelta(days=2)):
            suspensions.end_due()
        assert set(User.objects.filter(state="suspended").values_list("handle", flat=True)) == {"alice"}

    def test_unsuspension_does_not_cancel_account_deletion(self, api, alice, mod):
        accounts.leave(alice, password=PASSWORD)
        self.suspend(mod)
        api(mod).post("/moderation/users/@alice/unsuspend")
        assert User.objects.get(pk=alice.pk).state == "leaving"

    def test_unsuspension_needs_a_suspension(self, api, alice, mod):
        answer = api(mod).post("/moderation/users/@alice/unsuspend")
        assert (answer.status_code, answer.json()["code"]) == (409, "nothing_to_undo")


@pytest.mark.django_db(transaction=True)
class TestConcurrency:
    @pytest.mark.promise("R2")
    def test_concurrent_takedowns_are_one_action(self):
        alice, mods = UserFactory(handle="alice"), [make_moderator("mod1"), make_moderator("mod2")]
        for _ in range(5):
            post = PostFactory(author=alice)
            callers = [Caller(mod) for mod in mods]
            path = f"/moderation/posts/{post.pk}/takedown"
            answers = in_threads(2, lambda path=path, callers=callers: callers.pop().post(path, BECAUSE).json())
            assert answers[0]["id"] == answers[1]["id"]
            assert ModerationAction.objects.filter(target_id=post.pk).count() == 1

    @pytest.mark.promise("R2")
    def test_concurrent_takedown_and_restoration_agree_with_the_audit(self):
        alice, mod = UserFactory(handle="alice"), make_moderator("mod")
        for _ in range(8):
            post = PostFactory(author=alice)
            Caller(mod).post(f"/moderation/posts/{post.pk}/takedown", BECAUSE)
            calls = [("takedown", BECAUSE), ("restore", {})]
            callers = [Caller(mod), Caller(mod)]

            def act(post=post, calls=calls, callers=callers):
                verb, body = calls.pop()
                return callers.pop().post(f"/moderation/posts/{post.pk}/{verb}", body).status_code

            assert in_threads(2, act) == [200, 200]
            down = Post.objects.get(pk=post.pk).taken_down_at is not None
            assert ModerationAction.objects.on("post", post.pk).in_force().count() == int(down)

    @pytest.mark.promise("R2")
    def test_concurrent_ends_of_a_suspension_are_one(self):
        alice, mod = UserFactory(handle="alice"), make_moderator("mod")
        Caller(mod).post("/moderation/users/@alice/suspend", BECAUSE | {"until": timezone.now() + timedelta(days=1)})
        User.objects.filter(pk=alice.pk).update(suspended_until=timezone.now() - timedelta(seconds=1))
        caller = Caller(mod)
        calls = [suspensions.end_due, lambda: caller.post("/moderation/users/@alice/unsuspend")]
        in_threads(2, lambda: calls.pop()())
        assert actions() == ["suspend", "unsuspend"]


def test_unknown_id_is_not_found(api, mod):
    assert api(mod).post(f"/moderation/posts/{new_id()}/takedown", BECAUSE).status_code == 404
