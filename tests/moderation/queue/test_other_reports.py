"""Suspending an account can close the other reports about it and its content, with one statement of reasons."""

import pytest
from django.urls import reverse

from apps.accounts.models import User
from apps.moderation.cases import claims, proposals
from apps.moderation.cases.decisions import Target
from apps.moderation.models import Flag, ModerationAction, Statement, SuspensionProposal
from tests.factories import CommentFactory, PostFactory
from tests.moderation.people import make_moderator
from tests.moderation.queue.helpers import BECAUSE, QUEUE, SWEEP, browser, case_of, decide, messages_of, path_of, report

pytestmark = pytest.mark.django_db
OFFER = "Also close the other 6 reports about this account and its content"


@pytest.fixture
def spam(alice, bob):
    """Reported by two each: alice, a post of hers, and two comments of hers. bob is reported once."""
    post = PostFactory(author=alice)
    rows = [alice, post, *(CommentFactory(post=PostFactory(author=bob), author=alice) for _ in range(2))]
    for row in rows:
        report(row)
        report(row, category="harassment")
    report(bob)
    return rows


def open_reports(person):
    return Flag.objects.filter(subject=person, status="open").count()


@pytest.mark.parametrize("kind", range(4))
def test_suspension_closes_all_reports_about_the_account_with_one_statement(mod, alice, bob, spam, kind):
    client = browser(mod)
    page = client.get(case_of(spam[kind]) + "?act=suspend").text
    assert OFFER in page
    assert "Harassment 3, Spam 3" in page
    preview = decide(client, spam[kind], "suspend", step="preview", close_others="on").context["effect"]
    assert (preview.flags, preview.others, preview.statements) == (8, 0, 1)
    assert open_reports(alice) == 8
    done = decide(client, spam[kind], "suspend", close_others="on")
    assert "3 cases decided, 6 reports closed" in messages_of(done)
    assert done.url == case_of(bob)
    assert (open_reports(alice), open_reports(bob)) == (0, 1)
    assert Statement.objects.count() == 1
    suspension = ModerationAction.objects.get(action="suspend")
    assert set(Flag.objects.filter(subject=alice).values_list("status", "resolution_note")) == {
        ("resolved", suspension.reason)
    }
    assert ModerationAction.objects.filter(part_of_id=suspension.pk, action="resolve_flag").count() == 8


def test_suspension_without_the_offer_closes_its_own_reports_and_says_what_stays_open(mod, alice, spam):
    client = browser(mod)
    preview = decide(client, spam[1], "suspend", step="preview")
    assert (preview.context["effect"].flags, preview.context["effect"].others) == (2, 6)
    assert "other reports about this account stay open" in preview.text
    decide(client, spam[1], "suspend")
    assert open_reports(alice) == 6
    queue = client.get(QUEUE).text
    assert queue.count(">suspended</span>") == 3
    assert ">suspended</span>" in client.get(case_of(spam[2])).text


def test_case_of_another_moderator_stays_open_and_is_listed(mod, alice, spam):
    claims.take(Target.of(spam[2]), by=make_moderator("second"))
    done = decide(browser(mod), spam[0], "suspend", close_others="on")
    assert "@second works on that case" in messages_of(done)
    assert open_reports(alice) == 2


def test_nothing_is_offered_without_other_reports_or_for_other_decisions(mod, bob, spam):
    client = browser(mod)
    assert "Also close" not in client.get(case_of(bob) + "?act=suspend").text
    assert "Also close" not in client.get(case_of(spam[1]) + "?act=take_down").text


def test_bulk_suspension_closes_the_other_reports(mod, alice, bob, spam):
    client = browser(mod)
    form = {"target": [path_of(spam[1]), path_of(bob)], "decision": "suspend"}
    assert "Also close the other 6 reports about these accounts and their content" in client.post(SWEEP, form).text
    client.post(SWEEP, form | {"step": "confirm", "duration": "30", "close_others": "on", **BECAUSE})
    assert not Flag.objects.filter(status="open").exists()
    assert Statement.objects.count() == 2
    assert set(User.objects.filter(pk__in=[alice.pk, bob.pk]).values_list("state", flat=True)) == {"suspended"}


def test_confirmed_proposal_closes_the_other_reports(mod, alice, spam, settings):
    settings.MODERATION_FOUR_EYES = True
    proposals.propose(alice, by=make_moderator("second"), target=Target.of(spam[1]), **BECAUSE)
    client = browser(mod)
    assert OFFER in client.get(case_of(spam[1])).text
    path = reverse("admin:moderation_flag_proposal", args=[SuspensionProposal.objects.get().pk])
    client.post(path, {"verdict": "confirm", "close_others": "1"})
    assert open_reports(alice) == 0
    assert Statement.objects.count() == 1
