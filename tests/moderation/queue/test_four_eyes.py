"""With MODERATION_FOUR_EYES a permanent suspension needs two moderators, in the console and the API."""

from datetime import timedelta

import pytest
import time_machine
from django.urls import reverse
from django.utils import timezone

from apps.accounts.models import User
from apps.moderation import roles
from apps.moderation.cases import proposals
from apps.moderation.models import Claim, Flag, ModerationAction, StaffAct, SuspensionProposal
from tests.factories import PostFactory, UserFactory
from tests.moderation.people import make_moderator
from tests.moderation.queue.helpers import BECAUSE, QUEUE, browser, case_of, decide, messages_of, report

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def four_eyes(settings):
    settings.MODERATION_FOUR_EYES = True


@pytest.fixture
def post(alice):
    post = PostFactory(author=alice)
    report(post)
    return post


@pytest.fixture
def second(db):
    return make_moderator("second")


def state(person):
    return User.objects.get(pk=person.pk).state


def verdict(client, word, note="Looked at it."):
    proposal = SuspensionProposal.objects.get()
    return client.post(reverse("admin:moderation_flag_proposal", args=[proposal.pk]), {"verdict": word, "note": note})


def test_proposal_is_confirmed_by_another_moderator_and_recorded(mod, second, alice, post):
    client = browser(mod)
    assert decide(client, post, "suspend", step="preview", duration="permanent").context["effect"].proposes
    done = decide(client, post, "suspend", duration="permanent")
    assert "Proposed" in messages_of(done)
    assert (state(alice), Flag.objects.get().status) == ("active", "open")
    assert not ModerationAction.objects.exists()
    assert not Claim.objects.exists()
    assert "suspension proposed" in client.get(QUEUE).text
    assert "Confirm: suspend permanently" not in client.get(case_of(post)).text
    client.post(case_of(post) + "release/")
    other = browser(second)
    assert "Suspend @alice permanently?" in other.get("/admin/").text
    assert "Confirm: suspend permanently" in other.get(case_of(post)).text
    verdict(other, "confirm")
    assert (state(alice), Flag.objects.get().status) == ("suspended", "resolved")
    action = ModerationAction.objects.get(action="suspend")
    assert (action.actor, action.reason, action.category, action.until) == (second, "Sells watches.", "spam", None)
    acts = StaffAct.objects.order_by("id").values_list("act", "actor__handle")
    assert list(acts) == [("propose_suspension", "mod"), ("confirm_suspension", "second")]


def test_rejected_proposal_leaves_the_case_open(mod, second, alice, post):
    decide(browser(mod), post, "suspend", duration="permanent")
    assert "Give a reason" in messages_of(verdict(browser(second), "reject", note=""))
    verdict(browser(second), "reject")
    assert (state(alice), Flag.objects.get().status) == ("active", "open")
    assert StaffAct.objects.get(act="reject_suspension").reason == "Looked at it."
    decide(browser(second), post, "dismiss")
    assert Flag.objects.get().status == "dismissed"


@pytest.mark.promise("O1")
@pytest.mark.parametrize(
    ("who", "refusal"),
    [
        ("proposer", "Another moderator must confirm"),
        ("member", None),
        ("person", None),
        ("late", "has expired"),
        ("twice", "was decided or has expired"),
    ],
)
def test_confirmation_is_refused(mod, second, alice, post, who, refusal):
    decide(browser(mod), post, "suspend", duration="permanent")
    match who:
        case "proposer":
            answer = verdict(browser(mod), "confirm")
        case "member":
            answer = verdict(browser(UserFactory(handle="clerk", is_staff=True)), "confirm")
        case "person":
            alice.is_staff = True
            alice.save()
            answer = verdict(browser(alice), "confirm")
        case "late":
            SuspensionProposal.objects.update(expires_at=timezone.now())
            answer = verdict(browser(second), "confirm")
        case "twice":
            verdict(browser(second), "reject")
            answer = verdict(browser(second), "confirm")
    assert answer.status_code == (302 if refusal else 403)
    if refusal:
        assert refusal in messages_of(answer)
    assert state(alice) == "active"


@pytest.mark.parametrize(
    ("four_eyes", "days", "status"),
    [(True, None, 409), (True, 4000, 409), (True, 7, 200), (True, 366, 200), (False, None, 200), (False, 4000, 200)],
)
def test_api_refuses_permanent_suspension_by_one_moderator(api, mod, alice, settings, four_eyes, days, status):
    settings.MODERATION_FOUR_EYES = four_eyes
    until = {"until": (timezone.now() + timedelta(days=days)).isoformat()} if days else {}
    answer = api(mod).post("/moderation/users/@alice/suspend", BECAUSE | until)
    assert answer.status_code == status
    if status == 409:
        assert answer.json()["code"] == "second_pair_of_eyes_required"
    assert state(alice) == ("active" if status == 409 else "suspended")
    assert ModerationAction.objects.count() == (0 if status == 409 else 1)


def test_repeated_permanent_suspension_returns_the_first(api, mod, alice, settings):
    settings.MODERATION_FOUR_EYES = False
    first = api(mod).post("/moderation/users/@alice/suspend", BECAUSE)
    settings.MODERATION_FOUR_EYES = True
    assert api(mod).post("/moderation/users/@alice/suspend", BECAUSE).json() == first.json()


def test_person_has_one_proposal_until_it_expires(mod, second, alice):
    proposals.propose(alice, by=mod, **BECAUSE)
    with pytest.raises(proposals.AlreadyProposed):
        proposals.propose(alice, by=second, **BECAUSE)
    with time_machine.travel(timezone.now() + timedelta(days=8)):
        proposals.propose(alice, by=second, **BECAUSE)
    assert sorted(SuspensionProposal.objects.values_list("status", flat=True)) == ["expired", "open"]


def test_proposer_withdraws_the_proposal(mod, alice):
    proposals.reject(proposals.propose(alice, by=mod, **BECAUSE), by=mod, note="I was wrong.")
    assert SuspensionProposal.objects.get().status == "rejected"


@pytest.mark.promise("O1")
def test_proposal_against_admin_or_self_is_refused(mod):
    for person in (mod, make_moderator("chief", role="admin")):
        with pytest.raises(roles.CannotModerate):
            proposals.propose(person, by=mod, **BECAUSE)
