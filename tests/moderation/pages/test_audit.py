"""The audit in the console: filters, pages, and what is taken along."""

import csv
import io
from datetime import UTC, datetime, timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from apps.core.db.ids import first_id_at, moment_of, new_id
from apps.moderation import services
from apps.moderation.admin.audit import PER_PAGE
from apps.moderation.audit.records import record_staff_act
from apps.moderation.models import ModerationAction, StaffAct
from tests.factories import PostFactory, UserFactory
from tests.moderation.clock import at
from tests.moderation.people import make_moderator, suspended
from tests.plans import analyze, explain, indexes_used

pytestmark = pytest.mark.django_db
PAGE = reverse("admin:moderation_audit")
EXPORT = reverse("admin:moderation_audit_export")
JANUARY = datetime(2026, 1, 15, 12, tzinfo=UTC)


def rows(answer):
    return list(answer.context["page"].rows)


def exported(answer):
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    return list(csv.DictReader(io.StringIO(b"".join(answer.streaming_content).decode())))


@pytest.fixture
def decisions(alice, bob, mod):
    """By mod a takedown of spam in January; by lead a suspension for hatred now, and its end."""
    lead = make_moderator("lead")
    with at(JANUARY):
        taken = services.take_down_post(PostFactory(author=alice), by=mod, reason="=1+1", category="spam")
    suspension = services.suspend(bob, by=lead, reason="Hateful.", category="hate")
    lifted = services.unsuspend(bob, by=lead, reason="Enough.")
    return {"taken": taken, "suspended": suspension, "lifted": lifted}


@pytest.mark.parametrize(
    ("asked", "fitting"),
    [
        ({}, ["taken", "suspended", "lifted"]),
        ({"actor": "mod"}, ["taken"]),
        ({"actor": "@lead"}, ["suspended", "lifted"]),
        ({"actor": "nobody"}, []),
        ({"action": "suspend"}, ["suspended"]),
        ({"target_type": "post"}, ["taken"]),
        ({"category": "hate"}, ["suspended", "lifted"]),
        ({"category": "hate", "action": "unsuspend", "actor": "lead"}, ["lifted"]),
        ({"since": "2026-01-15", "until": "2026-01-15"}, ["taken"]),
        ({"until": "2026-01-14"}, []),
        ({"since": "nonsense", "action": "nonsense"}, ["taken", "suspended", "lifted"]),
        ({"target": "nonsense"}, []),
    ],
    ids=str,
)
def test_each_filter_keeps_what_fits_newest_first(browser, mod, decisions, asked, fitting):
    found = rows(browser(mod).get(PAGE, asked))
    assert {row.pk for row in found} == {decisions[name].pk for name in fitting}
    assert found == sorted(found, key=lambda row: row.pk, reverse=True)


def test_an_action_that_was_undone_says_so(browser, mod, decisions):
    assert "undone" in browser(mod).get(PAGE, {"action": "suspend"}).text


def test_pages_go_on_by_the_last_id_and_keep_the_filters(browser, mod, alice):
    make = ModerationAction.objects.bulk_create
    ids = [new_id() for _ in range(PER_PAGE + 5)]
    make(
        ModerationAction(
            id=pk,
            actor=mod,
            action="takedown",
            target_type="post",
            target_id=pk,
            category="spam",
            created_at=moment_of(pk),
        )
        for pk in ids
    )
    client = browser(mod)
    first = client.get(PAGE, {"category": "spam"})
    second = client.get(PAGE + first.context["page"].next)
    assert [row.pk for row in rows(first) + rows(second)] == ids[::-1]
    assert "category=spam" in first.context["page"].next
    assert second.context["page"].next == ""


def test_staff_acts_are_a_register_of_their_own(browser, mod, alice):
    other = make_moderator("other")
    record_staff_act("read_sessions", alice, by=mod.pk, reason="A stolen account.", sessions=2)
    record_staff_act("ban_image", alice, by=other.pk)
    client = browser(mod)
    page = client.get(PAGE, {"tab": "staff"})
    assert [row.act for row in rows(page)] == ["ban_image", "read_sessions"]
    assert "sessions: 2" in page.text
    for asked in ({"actor": "mod"}, {"act": "read_sessions"}, {"target": str(alice.pk), "act": "read_sessions"}):
        assert [row.act for row in rows(client.get(PAGE, {"tab": "staff", **asked}))] == ["read_sessions"]
    assert client.get(PAGE, {"tab": "other"}).status_code == 404


class TestExport:
    def test_is_what_the_filters_select_and_is_written_down_itself(self, browser, mod, decisions):
        client = browser(mod)
        (row,) = exported(client.post(f"{EXPORT}?category=spam&actor=&after={new_id()}"))
        assert (row["actor"], row["action"], row["category"]) == ("mod", "takedown", "spam")
        assert row["at"].startswith("2026-01-15T12:00:00")
        act = StaffAct.objects.get()
        assert (act.act, act.actor, act.detail) == ("export_audit", mod, {"filters": {"category": "spam"}})
        staff = exported(client.post(f"{EXPORT}?tab=staff"))
        assert [row["act"] for row in staff] == ["export_audit", "export_audit"]

    @pytest.mark.promise("I1")
    def test_holds_no_formula(self, browser, mod, decisions):
        (row,) = exported(browser(mod).post(f"{EXPORT}?category=spam"))
        assert row["reason"] == "'=1+1"

    def test_reads_a_batch_at_a_time(self, browser, mod, monkeypatch, django_assert_max_num_queries):
        monkeypatch.setattr("apps.moderation.admin.audit.BATCH", 10)
        for _ in range(25):
            suspended(UserFactory(), mod)
        answer = browser(mod).post(EXPORT)
        lines = iter(answer.streaming_content)
        next(lines)
        with django_assert_max_num_queries(2):  # the first batch, and its actors
            next(lines)
        assert len(list(lines)) == 24

    @pytest.mark.promise("O1")
    def test_is_a_moderators_and_takes_a_post(self, browser, mod):
        clerk = UserFactory(handle="clerk", is_staff=True)
        assert browser(clerk).post(EXPORT).status_code == 403
        assert browser(mod).get(EXPORT).status_code == 405
        assert not StaffAct.objects.exists()


@pytest.mark.parametrize(
    ("asked", "index"),
    [
        ({"category": "hate"}, "audit_by_category"),
        ({"action": "suspend"}, "audit_by_action"),
        ({"since": timezone.now() - timedelta(days=27)}, "moderation_moderationaction_pkey"),
    ],
)
def test_filters_are_served_by_an_index(alice, asked, index):
    start = timezone.now() - timedelta(days=30)
    made = []
    for n in range(5000):
        # By its time alone, as `first_id_at` makes it.
        pk = first_id_at(start + timedelta(minutes=n))
        rare = n % 1000 == 7
        made.append(
            ModerationAction(
                id=pk,
                action="suspend" if rare else "takedown",
                target_type="user",
                target_id=alice.pk,
                category="hate" if rare else "spam",
                created_at=moment_of(pk),
            )
        )
    ModerationAction.objects.bulk_create(made)
    analyze("moderation_moderationaction")
    plan = explain(ModerationAction.objects.matching(**asked).order_by("-id")[:51])
    assert index in indexes_used(plan)
