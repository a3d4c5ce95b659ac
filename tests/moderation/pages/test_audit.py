"""The audit in the console: filters, pages, grouping and export."""

import csv
import io
import re
from datetime import UTC, datetime, timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from apps.content.models import Post
from apps.core.db.ids import first_id_at, moment_of, new_id
from apps.moderation import services
from apps.moderation.admin.audit import PER_PAGE
from apps.moderation.audit.records import record_staff_act
from apps.moderation.cases import queue
from apps.moderation.cases.decisions import Target
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


# The parameters of a request, and the rows that match.
FILTERS = [
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
]


def test_filters_select_matching_rows_newest_first(browser, mod, decisions):
    client = browser(mod)
    for asked, fitting in FILTERS:
        found = rows(client.get(PAGE, asked))
        assert {row.pk for row in found} == {decisions[name].pk for name in fitting}, asked
        assert found == sorted(found, key=lambda row: row.pk, reverse=True), asked


def test_rows_of_one_decision_are_one_row_of_the_list(browser, mod, alice):
    taken, dismissed = PostFactory(author=alice, caption="Low tide"), PostFactory(author=alice)
    for post in (taken, dismissed):
        for _ in range(6):
            services.flag(post, by=UserFactory().pk, category="spam")
    grounds = {"by": mod, "reason": "x", "category": "spam"}
    queue.decide_case(Target.of(taken), decision="take_down", **grounds)
    queue.decide_case(Target.of(dismissed), decision="dismiss", **grounds)
    client = browser(mod)
    for asked in ({}, {"actor": "mod"}, {"category": "spam"}):
        page = client.get(PAGE, asked)
        assert [row.action for row in rows(page)] == ["dismiss_flag", "takedown"], asked
        assert page.text.count("6 reports closed") == 2
    assert len(rows(client.get(PAGE, {"action": "resolve_flag"}))) == 6
    assert len(rows(client.get(PAGE, {"target": str(taken.pk)}))) == 1
    takedown = ModerationAction.objects.get(action="takedown")
    parts = rows(client.get(PAGE, {"decision": str(takedown.pk)}))
    assert [row.action for row in parts] == ["resolve_flag"] * 6 + ["takedown"]
    assert len(exported(client.post(EXPORT))) == 13


def test_row_shows_author_photo_and_undo(browser, mod, alice):
    with at(JANUARY):
        action = services.take_down_post(PostFactory(author=alice), by=mod, reason="x", category="spam")
    deleted = services.take_down_post(
        PostFactory(author=UserFactory(handle="erin")), by=mod, reason="x", category="hate"
    )
    Post.objects.filter(pk=deleted.target_id).delete()
    page = browser(mod).get(PAGE)
    undo = reverse("admin:moderation_moderationaction_undo", args=[action.pk])
    row = re.search(r"<tr>(?:(?!</tr>).)*@alice.*?</tr>", page.text, re.DOTALL)[0]
    for shown in ("@alice", "<img", "15 January 2026, 12:00", f'href="{undo}">Undo…'):
        assert shown in row, shown
    assert ">deleted</span>" in page.text


def test_console_has_one_date_format(browser, mod, alice):
    with at(JANUARY):
        action = services.take_down_post(PostFactory(author=alice), by=mod, reason="x", category="spam")
    client = browser(mod)
    for path in (
        PAGE,
        reverse("admin:moderation_moderationaction_undo", args=[action.pk]),
        reverse("admin:moderation_moderationaction_change", args=[action.pk]),
        reverse("admin:moderation_post", args=[action.target_id]),
    ):
        assert "15 January 2026, 12:00" in client.get(path).text, path


def test_undone_action_is_marked(browser, mod, decisions):
    assert "undone" in browser(mod).get(PAGE, {"action": "suspend"}).text


def test_next_page_keeps_the_filters(browser, mod, alice):
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


def test_staff_acts_have_a_list_of_their_own(browser, mod, alice):
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
    def test_export_contains_filtered_rows_and_is_recorded(self, browser, mod, decisions):
        client = browser(mod)
        (row,) = exported(client.post(f"{EXPORT}?category=spam&actor=&after={new_id()}"))
        assert (row["actor"], row["action"], row["category"]) == ("mod", "takedown", "spam")
        assert row["at"].startswith("2026-01-15T12:00:00")
        act = StaffAct.objects.get()
        assert (act.act, act.actor, act.detail) == ("export_audit", mod, {"filters": {"category": "spam"}})
        staff = exported(client.post(f"{EXPORT}?tab=staff"))
        assert [row["act"] for row in staff] == ["export_audit", "export_audit"]

    @pytest.mark.promise("I1")
    def test_export_contains_no_formula(self, browser, mod, decisions):
        (row,) = exported(browser(mod).post(f"{EXPORT}?category=spam"))
        assert row["reason"] == "'=1+1"

    def test_export_reads_in_batches(self, browser, mod, monkeypatch, django_assert_max_num_queries):
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
    def test_export_is_for_moderators_by_post(self, browser, mod):
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
def test_filters_use_an_index(alice, asked, index):
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
    plan = explain(ModerationAction.objects.matching(**asked).first_rows().order_by("-id")[:51])
    assert index in indexes_used(plan)
