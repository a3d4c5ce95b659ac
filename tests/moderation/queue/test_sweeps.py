"""A spam wave: many cases at once, counted before they are hit, each with an audit row of its own."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from apps.content.models import Post
from apps.core.db.ids import first_id_at
from apps.engagement.models import Comment
from apps.moderation import services
from apps.moderation.cases import claims, queue
from apps.moderation.cases.decisions import Target
from apps.moderation.models import Flag, ModerationAction, Statement
from tests.factories import CommentFactory, PostFactory
from tests.moderation.people import make_moderator
from tests.moderation.queue.helpers import BECAUSE, SWEEP, browser, path_of, report, told

pytestmark = pytest.mark.django_db


@pytest.fixture
def wave(alice, bob, carol):
    rows = [
        PostFactory(author=alice),
        CommentFactory(post=PostFactory(author=bob), author=alice),
        PostFactory(author=carol),
    ]
    for row in rows:
        report(row)
        report(row)
    return rows


def sweep(client, rows, decision="take_down", **fields):
    return client.post(SWEEP, {"target": [path_of(row) for row in rows], "decision": decision} | fields)


def test_it_is_counted_first_and_then_done_as_counted(mod, wave):
    client = browser(mod)
    page = sweep(client, wave)
    effect = page.context["effect"]
    assert (effect.cases, effect.posts, effect.comments, effect.flags, effect.statements) == (3, 2, 1, 6, 3)
    assert not ModerationAction.objects.exists()
    done = sweep(client, wave, step="confirm", **BECAUSE)
    assert "3 decided, 6 reports closed" in told(done)
    assert Post.objects.exclude(taken_down_at=None).count() == 2
    assert Comment.objects.exclude(taken_down_at=None).count() == 1
    assert Statement.objects.count() == 3
    takedowns = ModerationAction.objects.filter(action="takedown")
    assert {row.target_id for row in takedowns} == {row.pk for row in wave}
    assert {(row.reason, row.category, row.actor) for row in takedowns} == {("Sells watches.", "spam", mod)}
    assert set(Flag.objects.values_list("status", flat=True)) == {"resolved"}


def test_people_are_suspended_once_each(mod, wave, alice, carol):
    sweep(browser(mod), wave, "suspend", step="confirm", duration="30", **BECAUSE)
    assert sorted(ModerationAction.objects.filter(action="suspend").values_list("affected_id", flat=True)) == sorted(
        [alice.pk, carol.pk]
    )


def test_what_is_refused_holds_up_no_other_and_is_told(mod, wave):
    claims.take(Target.of(wave[0]), by=make_moderator("second"))
    own = PostFactory(author=mod)
    report(own)
    done = sweep(browser(mod), [*wave, own], step="confirm", **BECAUSE)
    assert "2 decided" in told(done)
    assert "@second works on that case" in told(done)
    assert "Moderators cannot decide about themselves" in told(done)
    assert Flag.objects.filter(status="open").count() == 3


def test_without_a_reason_nothing_happens(mod, wave):
    page = sweep(browser(mod), wave, step="confirm", reason="", category="spam")
    assert page.context["form"].errors
    assert not ModerationAction.objects.exists()


@pytest.mark.parametrize(
    "form",
    [
        {},
        {"target": "post/x", "decision": "take_down"},
        {"target": "x", "decision": "dismiss"},
        {"target": "post/019ab8a4-6c1e-7d3f-9a51-3f5c0e7b2d10", "decision": "dismiss"},
    ],
)
def test_what_was_made_up_is_sent_back(mod, wave, form):
    assert browser(mod).post(SWEEP, form).status_code == 302
    assert not ModerationAction.objects.exists()


def test_more_than_the_most_is_cut_and_said(mod, wave, monkeypatch):
    monkeypatch.setattr(queue, "MAX_AT_ONCE", 2)
    page = sweep(browser(mod), wave)
    assert "1 more selected" in page.text
    assert len(page.context["targets"]) == 2
    with pytest.raises(services.Invalid):
        queue.decide_many([Target.of(row) for row in wave], by=mod, decision="dismiss", reason="x")


def test_all_of_an_author_in_the_last_days(mod, alice, bob):
    old = PostFactory(author=alice, id=first_id_at(timezone.now() - timedelta(days=20)))
    new = [PostFactory(author=alice), CommentFactory(post=PostFactory(author=bob), author=alice)]
    client = browser(mod)
    path = reverse("admin:moderation_flag_author", args=[alice.pk])
    page = client.get(path)
    assert {target.id for target in page.context["targets"]} == {row.pk for row in new}
    assert len(client.get(path + "?days=30").context["targets"]) == 3
    assert client.get(path + "?days=x").context["days"] == 7
    sweep(client, new, step="confirm", **BECAUSE)
    assert ModerationAction.objects.filter(action="takedown").count() == 2
    old.refresh_from_db()
    assert old.taken_down_at is None
    assert not client.get(path).context["targets"]


def test_the_pages_cost_the_same_for_many(mod, alice, django_assert_max_num_queries):
    rows = [PostFactory(author=alice) for _ in range(30)]
    client = browser(mod)
    with django_assert_max_num_queries(16):
        sweep(client, rows)
    with django_assert_max_num_queries(12):
        client.get(reverse("admin:moderation_flag_author", args=[alice.pk]))
