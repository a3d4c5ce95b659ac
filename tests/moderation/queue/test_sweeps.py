"""Bulk decisions: previewed, then decided case by case, each with its row in the audit."""

from datetime import timedelta
from unittest.mock import Mock
from uuid import UUID

import pytest
from django.core import mail
from django.urls import reverse
from django.utils import timezone

from apps.content.models import Post
from apps.core.db.ids import first_id_at
from apps.core.models import QueuedTask
from apps.engagement.models import Comment
from apps.moderation import services
from apps.moderation.appeals import statements
from apps.moderation.cases import claims, queue
from apps.moderation.cases.decisions import SEND_STATEMENT, Target
from apps.moderation.models import Flag, ModerationAction, Statement
from tests.factories import CommentFactory, PostFactory
from tests.moderation.people import make_moderator
from tests.moderation.queue.helpers import BECAUSE, SWEEP, browser, messages_of, path_of, report

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


def test_bulk_decision_has_the_previewed_effect(mod, wave):
    client = browser(mod)
    page = sweep(client, wave)
    effect = page.context["effect"]
    assert (effect.cases, effect.posts, effect.comments, effect.flags, effect.statements) == (3, 2, 1, 6, 3)
    assert not ModerationAction.objects.exists()
    done = sweep(client, wave, step="confirm", **BECAUSE)
    assert "3 cases decided, 6 reports closed" in messages_of(done)
    assert Post.objects.exclude(taken_down_at=None).count() == 2
    assert Comment.objects.exclude(taken_down_at=None).count() == 1
    assert Statement.objects.count() == 3
    takedowns = ModerationAction.objects.filter(action="takedown")
    assert {row.target_id for row in takedowns} == {row.pk for row in wave}
    assert {(row.reason, row.category, row.actor) for row in takedowns} == {("Sells watches.", "spam", mod)}
    assert set(Flag.objects.values_list("status", flat=True)) == {"resolved"}


def test_bulk_takedown_sends_one_mail_to_each_person(mod, wave, alice, carol):
    assert "3</strong> statements of reasons sent, in one mail to each of 2 people" in sweep(browser(mod), wave).text
    sweep(browser(mod), wave, step="confirm", **BECAUSE)
    tasks = QueuedTask.objects.filter(task_name=SEND_STATEMENT).order_by("id")
    assert tasks.count() == 2
    mail.outbox.clear()
    for task in tasks:
        statements.send(UUID(task.kwargs["action_id"]))
    assert statements.enqueue_due() == 0
    combined, single = mail.outbox
    assert (combined.to, combined.subject) == ([alice.email], "2 of your posts and comments were taken down")
    assert (single.to, single.subject) == ([carol.email], "Your post was taken down")
    actions = [str(row.pk) for row in ModerationAction.objects.filter(affected_id=alice.pk)]
    for body in (combined.body, combined.alternatives[0][0]):
        assert all(f"Reference: {action}" in body and f"appeal?action={action}" in body for action in actions)
        assert body.count("Sells watches.") == 1
        assert body.count("within six months") == 1
    assert not Statement.objects.filter(mailed_at=None).exists()


def test_failed_mail_of_a_bulk_takedown_is_retried_for_all(mod, wave, alice, monkeypatch):
    sweep(browser(mod), wave[:2], step="confirm", **BECAUSE)
    first = ModerationAction.objects.filter(affected_id=alice.pk).order_by("id")[0]
    with monkeypatch.context() as broken:
        broken.setattr("apps.core.mail.send", Mock(side_effect=OSError("no route")))
        statements.send(first.pk)
    assert list(Statement.objects.values_list("mailed_at", "leased_until", "attempts")) == [(None, None, 1)] * 2
    statements.send(first.pk)
    assert not Statement.objects.filter(mailed_at=None).exists()


def test_bulk_suspension_suspends_each_person_once(mod, wave, alice, carol):
    sweep(browser(mod), wave, "suspend", step="confirm", duration="30", **BECAUSE)
    assert sorted(ModerationAction.objects.filter(action="suspend").values_list("affected_id", flat=True)) == sorted(
        [alice.pk, carol.pk]
    )


def test_refused_case_does_not_stop_the_others(mod, wave):
    claims.take(Target.of(wave[0]), by=make_moderator("second"))
    own = PostFactory(author=mod)
    report(own)
    done = sweep(browser(mod), [*wave, own], step="confirm", **BECAUSE)
    assert "2 cases decided" in messages_of(done)
    assert "@second works on that case" in messages_of(done)
    assert "You cannot decide about yourself" in messages_of(done)
    assert Flag.objects.filter(status="open").count() == 3


def test_bulk_decision_needs_a_reason(mod, wave):
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
def test_invalid_selection_is_redirected(mod, wave, form):
    assert browser(mod).post(SWEEP, form).status_code == 302
    assert not ModerationAction.objects.exists()


def test_selection_above_the_maximum_is_cut(mod, wave, monkeypatch):
    monkeypatch.setattr(queue, "MAX_AT_ONCE", 2)
    page = sweep(browser(mod), wave)
    assert "1 more selected" in page.text
    assert len(page.context["targets"]) == 2
    with pytest.raises(services.Invalid):
        queue.decide_many([Target.of(row) for row in wave], by=mod, decision="dismiss", reason="x")


def test_recent_posts_of_an_author_are_listed(mod, alice, bob):
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


def test_bulk_pages_have_a_constant_number_of_queries(mod, alice, django_assert_max_num_queries):
    rows = [PostFactory(author=alice) for _ in range(30)]
    client = browser(mod)
    client.get("/admin/")
    with django_assert_max_num_queries(16):
        sweep(client, rows)
    with django_assert_max_num_queries(12):
        client.get(reverse("admin:moderation_flag_author", args=[alice.pk]))
