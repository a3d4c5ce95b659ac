"""Claims: two moderators do not work on the same case."""

from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from apps.moderation import services
from apps.moderation.cases import claims, queue
from apps.moderation.cases.decisions import Target
from apps.moderation.models import Claim, Flag, ModerationAction
from tests.factories import PostFactory
from tests.moderation.people import make_moderator
from tests.moderation.queue.helpers import BECAUSE, browser, case_of, decide, messages_of, path_of, report
from tests.threads import in_threads, meet_at

pytestmark = pytest.mark.django_db


@pytest.fixture
def post(alice):
    post = PostFactory(author=alice)
    report(post)
    return post


@pytest.fixture
def second(db):
    return make_moderator("second")


def holder():
    claim = Claim.objects.select_related("moderator").first()
    return claim and claim.moderator.handle


def test_opening_a_free_case_claims_it_visibly(mod, second, post):
    assert "Yours until" in browser(mod).get(case_of(post)).text
    page = browser(second).get(case_of(post)).text
    assert "@mod is working on this" in page
    assert "Preview" not in browser(second).get(case_of(post) + "?act=dismiss").text
    assert holder() == "mod"


def test_claimed_case_cannot_be_decided_by_another_moderator(mod, second, post):
    browser(mod).get(case_of(post))
    client = browser(second)
    refused = decide(client, post, "take_down")
    assert "@mod works on that case" in messages_of(refused)
    assert not ModerationAction.objects.exists()
    assert Flag.objects.get().status == "open"
    browser(mod).post(case_of(post) + "release/")
    assert holder() is None
    decide(client, post, "take_down")
    assert set(ModerationAction.objects.values_list("action", "actor__handle")) == {
        ("takedown", "second"),
        ("resolve_flag", "second"),
    }


def test_claim_expires(mod, second, post, settings):
    settings.CLAIM_MINUTES = 10
    claims.take(Target.of(post), by=mod)
    with time_machine.travel(timezone.now() + timedelta(minutes=9)):
        assert not claims.take(Target.of(post), by=second)
        with pytest.raises(claims.CaseClaimed):
            queue.decide_case(Target.of(post), by=second, decision="dismiss", reason="Fine.")
    with time_machine.travel(timezone.now() + timedelta(minutes=11)):
        assert claims.take(Target.of(post), by=second)
    assert holder() == "second"


def test_moderator_renews_their_claim(mod, post):
    claims.take(Target.of(post), by=mod)
    before = Claim.objects.get().expires_at
    with time_machine.travel(timezone.now() + timedelta(minutes=12)):
        browser(mod).get(case_of(post))
    assert Claim.objects.get().expires_at > before


def test_moderator_has_one_claim_at_a_time(mod, post, carol):
    other = PostFactory(author=carol)
    report(other)
    client = browser(mod)
    client.get(case_of(post))
    client.get(case_of(other))
    assert list(Claim.objects.values_list("target_id", flat=True)) == [other.pk]


def test_claim_of_another_moderator_is_not_released(mod, second, post):
    claims.take(Target.of(post), by=mod)
    browser(second).post(case_of(post) + "release/")
    assert holder() == "mod"


def test_unreported_and_own_targets_are_not_claimed(mod, alice, post):
    browser(mod).get(case_of(alice))
    assert holder() is None
    own = PostFactory(author=mod)
    report(own)
    assert "another person must decide" in browser(mod).get(case_of(own) + "?act=dismiss").text
    assert holder() is None


def test_decision_ends_the_claim_and_opens_the_next_free_case(mod, second, alice):
    worst, taken, then = PostFactory(author=alice), PostFactory(author=alice), PostFactory(author=alice)
    for row, category in ((worst, "self_harm"), (taken, "hate"), (then, "spam")):
        report(row, category=category)
    claims.take(Target.of(taken), by=second)
    client = browser(mod)
    page = client.get(case_of(worst))
    assert page.context["next"].endswith(f"{path_of(then)}/")
    done = decide(client, worst, "dismiss")
    assert (done.status_code, done.url) == (302, case_of(then))
    assert holder() == "second"
    assert decide(client, then, "dismiss").url.endswith("/queue/")


@pytest.mark.django_db(transaction=True)
def test_concurrent_claims_have_one_winner(alice):
    post = PostFactory(author=alice)
    report(post)
    moderators = iter([make_moderator(f"mod{n}") for n in range(10)])
    results = in_threads(10, lambda: claims.take(Target.of(post), by=next(moderators)))
    assert sorted(results) == [False] * 9 + [True]
    assert Claim.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_exchange_of_claims_does_not_deadlock(alice, bob):
    posts = [Target.of(PostFactory(author=alice)), Target.of(PostFactory(author=bob))]
    pairs = iter([(make_moderator(f"mod{n}"), posts if n % 2 else posts[::-1]) for n in range(8)])

    def change_places():
        moderator, order = next(pairs)
        for _ in range(10):
            for target in order:
                claims.take(target, by=moderator)

    in_threads(8, change_places)
    assert Claim.objects.count() <= 2


@pytest.mark.django_db(transaction=True)
def test_concurrent_decisions_have_one_winner(alice, monkeypatch):
    meet_at(monkeypatch, queue, "_act")
    post = PostFactory(author=alice)
    for _ in range(3):
        report(post)
    moderators = iter([make_moderator(f"mod{n}") for n in range(6)])

    def act():
        try:
            return queue.decide_case(
                Target.of(post), by=next(moderators), decision="take_down", reported=True, **BECAUSE
            ).closed
        except queue.CaseDecided:
            return "decided"

    assert sorted(in_threads(6, act), key=str) == [3, *["decided"] * 5]
    assert ModerationAction.objects.filter(action="takedown").count() == 1
    assert ModerationAction.objects.filter(action="resolve_flag").count() == 3


def test_api_ignores_claims(api, mod, second, post):
    claims.take(Target.of(post), by=mod)
    assert api(second).post(f"/moderation/posts/{post.pk}/takedown", BECAUSE).status_code == 200
    assert services.Action.TAKEDOWN in ModerationAction.objects.values_list("action", flat=True)
