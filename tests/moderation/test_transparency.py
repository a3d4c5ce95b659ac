"""The transparency report and the statements of reasons contain what the Digital Services Act requires."""

import csv
import io
import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from apps.moderation import services
from apps.moderation.appeals import objections, statements
from apps.moderation.models import Category, Flag, ModerationAction
from apps.moderation.privacy import erase
from apps.moderation.transparency.report import NOT_STORED, build_report, period_of
from tests.commands import run
from tests.factories import CommentFactory, PostFactory
from tests.moderation.clock import at
from tests.moderation.people import make_moderator

pytestmark = pytest.mark.django_db
OCTOBER = datetime(2026, 10, 10, 12, tzinfo=UTC)
DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "transparency.md"
HOUR = timedelta(hours=1)


@pytest.fixture
def october(alice, bob, carol, mod):
    """On notice of bob and carol a post is taken down after six hours; on our own initiative a comment, and alice is
    suspended, with an end. One notice is dismissed after two hours. The first takedown is appealed, and reversed after
    three hours; the comment's is appealed, and stands. Another notice comes in September, one in November."""
    judge = make_moderator("judge")
    post, other, fine = PostFactory(author=alice), PostFactory(author=alice), PostFactory(author=alice)
    comment = CommentFactory(post=post, author=alice)
    with at(OCTOBER - timedelta(days=30)):
        services.flag(other, by=bob.pk, category="spam")
    with at(OCTOBER):
        notices = [services.flag(post, by=who.pk, category="illegal")[0] for who in (bob, carol)]
        harmless = services.flag(fine, by=bob.pk, category="spam")[0]
    with at(OCTOBER + 2 * HOUR):
        services.resolve_flag(harmless, by=mod, resolution="dismissed")
    with at(OCTOBER + 6 * HOUR):
        first = services.take_down_post(post, by=mod, reason="Section 86.", category="illegal")
        for notice in notices:
            services.resolve_flag(notice, by=mod, resolution="resolved")
        second = services.take_down_comment(comment, by=mod, reason="Insults.", category="harassment")
        until = OCTOBER + timedelta(days=3650)
        services.suspend(alice, by=mod, reason="Again.", category="spam", until=until)
        appeals = [services.appeal(action, by=alice.pk, text="No.") for action in (first, second)]
    with at(OCTOBER + 9 * HOUR):
        for appeal, overturn in zip(appeals, (True, False), strict=True):
            services.decide_appeal(appeal, by=judge, overturn=overturn, note="Seen.")
        services.unsuspend(alice, by=judge)
    with at(OCTOBER + timedelta(days=30)):
        services.flag(other, by=carol.pk, category="spam")


@pytest.fixture
def made(october):
    return build_report(period_of(2026, 10))


FIGURES = [
    ("notices", {}, 3),
    ("notices", {"category": "illegal"}, 2),
    ("notices", {"category": "spam"}, 1),
    ("notices_acted_on", {}, 2),
    ("notices_dismissed", {}, 1),
    ("notices_by_automated_means", {}, 0),
    ("actions_on_notices", {}, 1),
    ("actions_on_notices", {"ground": "law"}, 1),
    ("actions_on_notices", {"ground": "terms"}, 0),
    ("actions_on_notices", {"restriction": "takedown of post", "category": "illegal"}, 1),
    ("notice_to_decision", {}, 6 * 3600),
    ("notice_to_action", {}, 6 * 3600),
    ("own_initiative", {}, 2),
    ("own_initiative", {"restriction": "takedown of comment", "category": "harassment"}, 1),
    ("own_initiative", {"restriction": "suspend of user", "category": "spam"}, 1),
    ("complaints", {}, 2),
    ("complaints", {"category": "illegal"}, 1),
    ("complaints_decided", {}, 2),
    ("complaints_upheld", {}, 1),
    ("complaints_overturned", {}, 1),
    ("complaint_to_decision", {}, 3 * 3600),
    ("objections", {}, 0),
    ("objections_upheld", {}, 0),
    ("automated_decisions", {}, 0),
    ("suspensions", {}, 1),
    ("suspensions_with_an_end", {}, 1),
    ("suspensions_without_an_end", {}, 0),
    ("suspensions_lifted", {}, 1),
    ("statements", {}, 3),
]


class TestFigures:
    def test_figures_of_a_month(self, made):
        for key, by, value in FIGURES:
            figure = made.figure(key, **by)
            accuracy = 5 if figure.unit == "seconds" else 0
            assert figure.value == pytest.approx(value, abs=accuracy), (key, by)

    def test_objections_are_counted_as_complaints_of_reporters(self, october, bob):
        with at(OCTOBER + 10 * HOUR):
            harmless = Flag.objects.get(status="dismissed")
            objection = objections.object_to(harmless, by=bob.pk, text="No.")
        with at(OCTOBER + 12 * HOUR):
            services.decide_appeal(objection, by=make_moderator("other"), overturn=True)
        made = build_report(period_of(2026, 10))
        keys = ("complaints", "objections", "objections_upheld", "objections_rejected", "complaints_overturned")
        assert [made.figure(key).value for key in keys] == [3, 1, 1, 0, 2]

    def test_figures_of_a_year_include_its_months(self, october):
        assert build_report(period_of(2026)).figure("notices").value == 5
        assert build_report(period_of(2026, 9)).figure("notices").value == 1
        assert build_report(period_of(2025)).figure("notices").value == 0

    def test_month_ends_before_the_next(self):
        december = period_of(2026, 12)
        assert (december.since, december.until) == (datetime(2026, 12, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC))

    def test_decisions_about_deleted_accounts_are_counted(self, october, alice):
        erase(alice.pk)
        made = build_report(period_of(2026, 10))
        for key in ("notices_acted_on", "notices_dismissed", "complaints_decided", "actions_on_notices"):
            assert made.figure(key).value > 0, key
        assert made.figure("notice_to_decision").value == pytest.approx(6 * 3600, abs=5)

    def test_restriction_without_actor_is_automated(self, alice, mod):
        with at(OCTOBER):
            action = services.take_down_post(PostFactory(author=alice), by=mod, reason="x", category="spam")
            by_machine = ModerationAction(
                **{
                    **{f.attname: getattr(action, f.attname) for f in action._meta.fields},
                    "id": PostFactory(author=alice).pk,
                    "actor_id": None,
                }
            )
            by_machine.save(force_insert=True)
        assert build_report(period_of(2026, 10)).figure("automated_decisions").value == 1
        assert "automated means" in statements.POINTS["c"](by_machine)
        assert "A person decided" not in statements.POINTS["c"](by_machine)

    def test_figures_of_an_empty_period_are_zero_or_unknown(self, db):
        made = build_report(period_of(2026, 10))
        assert made.figure("notices").value == 0
        assert made.figure("complaint_to_decision").value is None

    def test_report_needs_at_most_seven_queries(self, october, django_assert_max_num_queries):
        with django_assert_max_num_queries(7):
            build_report(period_of(2026))


class TestDocument:
    def test_every_figure_has_its_article(self, made):
        documented = dict(re.findall(r"^\| `(\w+)` \| ([^|]+) \|", DOCUMENT.read_text(), re.MULTILINE))
        figures = {figure.key: figure.article for section in made.sections for figure in section.figures}
        assert {key: articles.strip() for key, articles in documented.items()} == figures


class TestCommand:
    def test_prints_json(self, october):
        outcome = run("transparency_report", "--year", "2026", "--month", "10")
        assert outcome.code == 0
        report = json.loads(outcome.out)
        assert report["period"] == {
            "name": "2026-10",
            "since": "2026-10-01T00:00:00.000Z",
            "until": "2026-11-01T00:00:00.000Z",
        }
        notices = next(section for section in report["sections"] if section["key"] == "notices")
        assert notices["figures"][0]["value"] == 3

    def test_prints_a_table(self, october):
        outcome = run("transparency_report", "--year", "2026", "--month", "10", "--format", "csv")
        rows = list(csv.DictReader(io.StringIO(outcome.out)))
        assert {row["section"] for row in rows} >= {"orders", "notices", "own_initiative", "complaints", "suspensions"}
        (spam,) = [row for row in rows if row["figure"] == "notices" and row["by"] == "category: spam"]
        assert (spam["value"], spam["article"]) == ("1", "15(1)(b), 16")

    def test_prints_a_standalone_page(self, october):
        page = run("transparency_report", "--year", "2026", "--format", "html").out
        assert page.startswith("<!doctype html>")
        assert "Transparency report 2026" in page
        assert page.count("<section>") == page.count("</section>") == 9
        assert "{%" not in page
        assert "<script" not in page
        assert NOT_STORED in page

    def test_invalid_month_is_refused(self, db):
        outcome = run("transparency_report", "--year", "2026", "--month", "13")
        assert outcome.code == 1
        assert "There is no such year or month" in outcome.err


class TestStatementsOfReasons:
    """Article 17(3), point by point."""

    @pytest.fixture
    def takedown(self, alice, mod):
        with at(OCTOBER):
            post = PostFactory(author=alice)
            return services.take_down_post(post, by=mod, reason="Sells watches.", category="spam")

    @pytest.fixture
    def suspension(self, alice, mod):
        until = datetime(2126, 11, 23, 16, 14, tzinfo=UTC)
        return services.suspend(alice, by=mod, reason="Section 86.", category="illegal", until=until)

    def test_statement_has_every_point_in_order(self, takedown):
        assert list(statements.POINTS) == ["a", "b", "c", "d/e", "f"]
        said = statements.compose(takedown).paragraphs
        assert said[:-1] == [point(takedown) for point in statements.POINTS.values()]

    def test_point_a_has_decision_scope_and_duration(self, takedown, suspension):
        said = statements.POINTS["a"](takedown)
        for part in (
            "taken down",
            "your post of 10 October 2026",
            "other users cannot see it",
            "everywhere",
            "until it is lifted",
        ):
            assert part in said
        said = statements.POINTS["a"](suspension)
        for part in (
            "suspended your account",
            "sign in only to read this decision",
            "everywhere",
            "until 23 November 2126, 16:14 UTC",
        ):
            assert part in said

    def test_point_b_has_facts_and_notice(self, alice, bob, mod, takedown):
        said = statements.POINTS["b"](takedown)
        for part in ("Sells watches.", "published on 10 October 2026", "we decided on 10 October 2026"):
            assert part in said
        assert "on our own initiative" in said
        post = PostFactory(author=alice)
        services.flag(post, by=bob.pk, category="spam")
        reported = services.take_down_post(post, by=mod, reason="", category="spam")
        assert "It was reported to us." in statements.POINTS["b"](reported)
        assert "bob" not in statements.POINTS["b"](reported)

    def test_point_c_has_automated_means(self, takedown):
        assert "no automated means were used to find it or to decide" in statements.POINTS["c"](takedown)

    @pytest.mark.parametrize("category", Category.values)
    def test_points_d_and_e_have_the_ground(self, alice, mod, category):
        action = services.take_down_post(PostFactory(author=alice), by=mod, reason="Because.", category=category)
        said = statements.POINTS["d/e"](action)
        assert ("the law" in said) == (category in statements.ON_THE_LAW)
        assert ("our rules" in said) == (category not in statements.ON_THE_LAW)

    def test_point_f_has_the_redress(self, takedown):
        said = statements.POINTS["f"](takedown)
        for part in (
            "appeal, free of charge, within six months",
            "a different person will review",
            "out-of-court",
            "court",
        ):
            assert part in said
        assert not re.search(r"\b(GET|POST|PUT|PATCH|DELETE)\b|/v1/", said), "it is written for people"
