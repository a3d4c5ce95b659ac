"""Appeals by affected users, signed in or by the link of the mail, and decisions on them."""

from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from apps.accounts.models import User
from apps.content.models import Post
from apps.core.db.ids import new_id
from apps.moderation import services
from apps.moderation.appeals import statements
from apps.moderation.models import Appeal, ModerationAction
from tests.conftest import Caller
from tests.factories import PostFactory, UserFactory
from tests.moderation.people import make_moderator, suspended, taken_down
from tests.threads import in_threads, meet_at

pytestmark = pytest.mark.django_db


@pytest.fixture
def action(alice, mod):
    return taken_down(PostFactory(author=alice), mod)


@pytest.fixture
def other(db):
    return make_moderator("other")


def object_to(action, caller, **more):
    return caller.post(f"/moderation/actions/{action.pk}/appeal", {"text": "It is art."} | more)


class TestAppealing:
    def test_affected_user_can_appeal(self, api, alice, action):
        answer = object_to(action, api(alice))
        assert answer.status_code == 201
        assert {**answer.json(), "id": "", "created_at": ""} == {
            "id": "",
            "action_id": str(action.pk),
            "text": "It is art.",
            "status": "open",
            "note": "",
            "created_at": "",
            "decided_at": None,
        }

    @pytest.mark.promise("P7")
    def test_action_is_not_found_by_other_users(self, api, alice, carol, mod, action):
        unknown = ModerationAction(id=new_id())
        for caller in (api(carol), api(mod)):
            asked = [object_to(which, caller) for which in (action, unknown)]
            assert [answer.status_code for answer in asked] == [404, 404]
            bodies = [{**answer.json(), "request_id": ""} for answer in asked]
            assert bodies[0] == bodies[1]
        assert not Appeal.objects.exists()

    def test_action_can_be_appealed_once(self, api, alice, other, action):
        object_to(action, api(alice))
        assert object_to(action, api(alice)).json()["code"] == "already_appealed"
        services.decide_appeal(Appeal.objects.get(), by=other, overturn=True)
        answer = object_to(action, api(alice))
        assert (answer.status_code, answer.json()["code"]) == (409, "already_appealed")

    def test_only_actions_in_force_can_be_appealed(self, api, alice, mod, action):
        restored = services.restore_post(Post.objects.get(), by=mod)
        for no_more in (action, restored):
            answer = object_to(no_more, api(alice))
            assert (answer.status_code, answer.json()["code"]) == (409, "not_appealable")

    @pytest.mark.parametrize("text", ["", "  ", "x" * 2001, None, "\x00"])
    def test_appeal_needs_a_text(self, api, alice, action, text):
        answer = object_to(action, api(alice), text=text)
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, "text")


class TestAppealByToken:
    @pytest.fixture
    def action(self, alice, mod):
        return suspended(alice, mod)

    def test_token_works_without_signing_in(self, anonymous, alice, action):
        answer = object_to(action, anonymous, token=statements.appeal_token(action.pk))
        assert answer.status_code == 201
        assert Appeal.objects.get().appellant == alice

    def test_appeal_without_token_needs_sign_in(self, anonymous, action):
        answer = object_to(action, anonymous)
        assert (answer.status_code, answer.json()["code"]) == (401, "not_authenticated")

    @pytest.mark.promise("A7")
    def test_token_is_valid_for_its_action_only(self, anonymous, bob, mod, action):
        others = suspended(bob, mod)
        for token in (
            "x",
            "",
            statements.appeal_token(others.pk),
            statements.appeal_token(action.pk) + "x",
            statements.appeal_token(action.pk)[1:],
            "\x00é:x:y",
        ):
            answer = object_to(action, anonymous, token=token)
            assert answer.status_code == 400, token
            assert answer.json()["code"] in {"invalid_link", "validation_error", "malformed_request"}
        assert not Appeal.objects.exists()

    @pytest.mark.promise("I2")
    @pytest.mark.parametrize("token", ["\ud800", "a:b:\ud800", "::", "a:é:c"])
    def test_malformed_token_is_refused(self, action, token):
        assert statements.opens_appeal(token, action.pk) is False

    @pytest.mark.promise("P7")
    def test_unknown_action_is_not_revealed_without_a_token(self, anonymous, action):
        answers = [object_to(which, anonymous, token="x") for which in (action, ModerationAction(id=new_id()))]
        bodies = [{**answer.json(), "request_id": ""} for answer in answers]
        assert bodies[0] == bodies[1]

    def test_token_lasts_six_months(self, anonymous, action):
        token = statements.appeal_token(action.pk)
        with time_machine.travel(timezone.now() + timedelta(days=185)):
            assert object_to(action, anonymous, token=token).json()["code"] == "invalid_link"
        with time_machine.travel(timezone.now() + timedelta(days=183)):
            assert object_to(action, anonymous, token=token).status_code == 201

    @pytest.mark.promise("A4")
    def test_token_guesses_are_limited_by_address(self, anonymous, action, settings):
        settings.RATE_LIMITS_ENABLED = True
        settings.RATE_LIMITS = settings.RATE_LIMITS | {"token": (2, 300)}
        assert [object_to(action, anonymous, token="x").status_code for _ in range(3)] == [400, 400, 429]

    def test_deleted_user_cannot_appeal(self, anonymous, alice, action):
        token = statements.appeal_token(action.pk)
        User.objects.filter(pk=alice.pk).delete()
        assert object_to(action, anonymous, token=token).status_code == 404


class TestDeciding:
    @pytest.fixture
    def appeal(self, alice, action):
        return services.appeal(action, by=alice.pk, text="It is art.")

    def decide(self, appeal, by, decision, **more):
        return Caller(by).post(f"/moderation/appeals/{appeal.pk}/decide", {"decision": decision} | more)

    def test_overturned_takedown_restores_the_post(self, api, bob, mod, other, action, appeal):
        answer = self.decide(appeal, other, "overturn", note="It is.").json()
        assert (answer["status"], answer["note"], answer["decided_by"]["handle"]) == ("overturned", "It is.", "other")
        assert answer["action"]["id"] == str(action.pk)
        assert answer["action"]["reversed_at"] is not None
        assert api(bob).get(f"/posts/{action.target_id}").status_code == 200
        row = ModerationAction.objects.get(action="overturn_appeal")
        assert (row.reverses, row.case_id, row.actor, row.reason) == (action, appeal.pk, other, "It is.")
        # It has come back already.
        assert api(mod).post(f"/moderation/posts/{action.target_id}/restore").json()["id"] == str(row.pk)

    def test_overturned_suspension_restores_the_account(self, alice, mod, other):
        appeal = services.appeal(suspended(alice, mod), by=alice.pk, text="No.")
        self.decide(appeal, other, "overturn")
        assert User.objects.get(pk=alice.pk).state == "active"

    def test_upheld_takedown_stays_in_force(self, api, alice, bob, other, action, appeal):
        assert self.decide(appeal, other, "uphold").json()["status"] == "upheld"
        assert api(bob).get(f"/posts/{action.target_id}").status_code == 404
        assert ModerationAction.objects.in_force().get() == action

    def test_moderator_who_took_the_action_cannot_decide(self, mod, appeal):
        for decision in ("uphold", "overturn"):
            answer = self.decide(appeal, mod, decision)
            assert (answer.status_code, answer.json()["code"]) == (403, "own_decision")
        assert Appeal.objects.get().status == "open"

    def test_appellant_cannot_decide(self, other):
        victim, judge = make_moderator("victim"), make_moderator("judge", "admin")
        appeal = services.appeal(taken_down(PostFactory(author=victim), judge), by=victim.pk, text="No.")
        assert self.decide(appeal, victim, "overturn").json()["code"] == "cannot_moderate"

    def test_repeated_decision_is_idempotent_and_the_opposite_refused(self, other, appeal):
        first, again = (self.decide(appeal, other, "uphold") for _ in range(2))
        assert first.json() == again.json()
        answer = self.decide(appeal, other, "overturn")
        assert (answer.status_code, answer.json()["code"]) == (409, "appeal_decided")
        assert ModerationAction.objects.filter(action="uphold_appeal").count() == 1

    def test_overturned_action_keeps_later_actions_in_force(self, alice, mod, other, action, appeal):
        post = Post.objects.get()
        services.restore_post(post, by=mod)
        later = taken_down(post, mod)
        self.decide(appeal, other, "overturn")
        assert Post.objects.get().taken_down_at is not None
        assert ModerationAction.objects.in_force().get() == later

    def test_appeal_about_a_deleted_post_can_be_decided(self, other, appeal):
        Post.objects.all().delete()
        assert self.decide(appeal, other, "overturn").json()["status"] == "overturned"

    def test_appeals_are_filtered_by_status(self, api, alice, mod, other, appeal):
        second = services.appeal(taken_down(PostFactory(author=alice), mod), by=alice.pk, text="This, too.")
        self.decide(appeal, other, "uphold")

        def listed(query):
            return [row["id"] for row in api(mod).get(f"/moderation/appeals{query}").json()["results"]]

        assert listed("") == [str(second.pk), str(appeal.pk)]
        assert listed("?status=open") == [str(second.pk)]
        assert listed("?status=upheld") == [str(appeal.pk)]
        assert api(mod).get("/moderation/appeals?status=lost").status_code == 400


@pytest.mark.django_db(transaction=True)
class TestConcurrency:
    @pytest.mark.promise("R2")
    def test_concurrent_appeals_create_one(self, monkeypatch):
        meet_at(monkeypatch, services, "is_in_force")
        alice, mod = UserFactory(handle="alice"), make_moderator("mod")
        action = taken_down(PostFactory(author=alice), mod)
        callers = [Caller(alice) for _ in range(4)]
        answers = in_threads(4, lambda: object_to(action, callers.pop()).status_code)
        assert sorted(answers) == [201, 409, 409, 409]

    @pytest.mark.promise("R2")
    def test_concurrent_opposite_decisions_leave_one(self, monkeypatch):
        meet_at(monkeypatch, services, "_record_decision")
        alice, mod = UserFactory(handle="alice"), make_moderator("mod")
        judges = [make_moderator("judge1"), make_moderator("judge2")]
        for _ in range(4):
            post = PostFactory(author=alice)
            appeal = services.appeal(taken_down(post, mod), by=alice.pk, text="No.")
            deeds = [(Caller(judges[0]), "uphold"), (Caller(judges[1]), "overturn")]

            def decide(appeal=appeal, deeds=deeds):
                caller, decision = deeds.pop()
                return caller.post(f"/moderation/appeals/{appeal.pk}/decide", {"decision": decision}).status_code

            assert sorted(in_threads(2, decide)) == [200, 409]
            overturned = Appeal.objects.get(pk=appeal.pk).status == "overturned"
            assert (Post.objects.get(pk=post.pk).taken_down_at is None) is overturned
            assert ModerationAction.objects.filter(case_id=appeal.pk).count() == 1
