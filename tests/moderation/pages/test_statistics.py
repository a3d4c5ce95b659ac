"""The figures of the dashboard, the workload and the transparency page."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from apps.moderation import services
from apps.moderation.admin import plots
from apps.moderation.admin.pages import format_duration
from apps.moderation.transparency import statistics
from apps.moderation.transparency.statistics import Period
from tests.factories import CommentFactory, PostFactory
from tests.moderation.clock import at
from tests.moderation.people import make_moderator

pytestmark = pytest.mark.django_db
DASHBOARD = reverse("admin:moderation_dashboard")
WORKLOAD = reverse("admin:moderation_workload")
TRANSPARENCY = reverse("admin:moderation_transparency")
MONTH = 30


@pytest.fixture
def noon():
    return timezone.now().replace(hour=12, minute=0, second=0, microsecond=0) - timedelta(days=3)


@pytest.fixture
def week(alice, bob, carol, mod, noon):
    """Bob and carol report a post at noon and an hour later, mod takes it down after four hours; another is dismissed
    after two. The takedown is appealed, and lead overturns it a day later. One comment is reported, and open."""
    lead = make_moderator("lead", "admin")
    post, fine = PostFactory(author=alice), PostFactory(author=alice)
    comment = CommentFactory(post=fine, author=alice)
    with at(noon):
        services.flag(post, by=bob.pk, category="spam")
    with at(noon + timedelta(hours=1)):
        services.flag(post, by=carol.pk, category="spam")
        harmless = services.flag(fine, by=carol.pk, category="nudity")[0]
    with at(noon + timedelta(hours=3)):
        services.resolve_flag(harmless, by=lead, resolution="dismissed")
    with at(noon + timedelta(hours=4)):
        action = services.take_down_post(post, by=mod, reason="Sells watches.", category="spam")
        appeal = services.appeal(action, by=alice.pk, text="No.")
    with at(noon + timedelta(hours=28)):
        services.decide_appeal(appeal, by=lead, overturn=True, note="Right.")
        services.flag(comment, by=bob.pk, category="hate")


class TestOverview:
    def test_overview_counts_reports_by_day_and_outcomes(self, week, noon):
        seen = statistics.overview(Period.of_days(MONTH))
        by_day = dict(seen.flags_by_day)
        assert len(by_day) == MONTH
        assert (by_day[noon.date()], by_day[noon.date() + timedelta(days=1)], seen.flags) == (3, 1, 4)
        assert dict(seen.outcomes) == {"takedown": 1, "dismiss_flag": 1, "overturn_appeal": 1}
        assert (seen.appeals_decided, seen.appeals_overturned, seen.open_appeals) == (1, 1, 0)

    def test_wait_is_from_first_open_report_to_decision(self, week, noon):
        seen = statistics.overview(Period.of_days(MONTH))
        # Four hours for the takedown, two for what was dismissed.
        assert seen.median_seconds == pytest.approx(3 * 3600, abs=5)
        assert dict(seen.waited_by_day)[noon.date()] == pytest.approx(3 * 3600, abs=5)
        assert dict(seen.waited_by_day)[noon.date() - timedelta(days=1)] is None

    def test_reports_closed_before_do_not_count_as_waiting(self, alice, bob, carol, mod, noon):
        post = PostFactory(author=alice)
        with at(noon):
            first = services.flag(post, by=bob.pk, category="spam")[0]
            services.resolve_flag(first, by=mod, resolution="dismissed")
        with at(noon + timedelta(hours=5)):
            services.flag(post, by=carol.pk, category="spam")
        with at(noon + timedelta(hours=6)):
            services.take_down_post(post, by=mod, reason="Now it does.", category="spam")
        share = statistics.workload(Period.of_days(MONTH))[0]
        assert share.median_seconds == pytest.approx(1800, abs=5), "nothing, and an hour"

    def test_overview_counts_open_reports_by_age(self, week, alice, bob, carol):
        with at(timezone.now() - timedelta(days=20)):
            services.flag(PostFactory(author=alice), by=bob.pk, category="spam")
        seen = statistics.overview(Period.of_days(MONTH))
        ages = dict(seen.open_by_age)
        assert (ages["over 7 days"], seen.open_flags) == (1, 4)
        assert seen.oldest_seconds == pytest.approx(20 * 86400, abs=60)

    def test_overview_of_an_empty_database(self, db):
        seen = statistics.overview(Period.of_days(7))
        assert (seen.flags, seen.open_flags, seen.median_seconds, seen.outcomes) == (0, 0, None, [])


class TestWorkload:
    def test_workload_lists_decisions_speed_and_overturned_share(self, week, mod):
        shares = {share.handle: share for share in statistics.workload(Period.of_days(MONTH))}
        mine, leads = shares["mod"], shares["lead"]
        assert (mine.takedowns, mine.decisions, mine.appealed, mine.overturned_percent) == (1, 1, 1, 100)
        assert mine.median_seconds == pytest.approx(4 * 3600, abs=5)
        assert (leads.flags_closed, leads.appeals_decided, leads.decisions, leads.overturned_percent) == (1, 1, 2, None)
        assert leads.median_seconds == pytest.approx(2 * 3600, abs=5)

    def test_workload_is_shown_to_senior_moderators(self, browser, week):
        page = browser(make_moderator("chief", "admin")).get(WORKLOAD).text
        for shown in ("@mod", "4 h", "100 %", "(1 of 1)"):
            assert shown in page

    @pytest.mark.promise("O1")
    def test_workload_is_hidden_from_moderators(self, browser, week, mod):
        assert browser(mod).get(WORKLOAD).status_code == 403

    def test_workload_includes_deleted_accounts(self, browser, week, mod):
        mod.delete()
        assert "deleted account" in browser(make_moderator("chief", "admin")).get(WORKLOAD).text


class TestPlots:
    def test_plots_have_a_title_a_description_and_a_table(self, browser, mod, week):
        page = browser(mod).get(f"{DASHBOARD}?days=7").text
        assert page.count("<svg viewBox") == 5
        for key in ("flags", "waited", "outcomes", "appeals", "ages"):
            assert f'aria-labelledby="plot-{key}-title plot-{key}-desc"' in page
            assert f'<title id="plot-{key}-title">' in page
        assert "4 reports in 7 days." in page
        assert "<td>3 h</td>" in page
        assert "100 %" in page

    def test_unknown_period_is_the_default(self, browser, mod):
        for asked in ("1000000", "-1", "x", "０"):
            assert browser(mod).get(DASHBOARD, {"days": asked}).context["chosen"] == 30

    @pytest.mark.parametrize(
        ("number", "top"), [(0, 2), (1, 2), (3, 4), (5, 6), (9, 10), (11, 20), (41, 60), (99, 100)]
    )
    def test_axes_end_at_round_numbers(self, number, top):
        plot = plots.columns("k", "t", "d", [("a", [number])], series=["n"])
        assert [tick.text for tick in plot.upwards] == ["0", f"{top // 2}", f"{top}"]

    def test_columns_are_stacked_and_stay_inside_the_plot(self):
        plot = plots.columns("k", "t", "d", [("a", [3, 1]), ("b", [None, 0])], series=["up", "down"])
        first, second = plot.bars
        assert float(second.y) + float(second.height) == pytest.approx(float(first.y))
        assert float(second.y) >= plots.TOP
        assert [list(row) for row in plot.rows] == [["a", "3", "1"], ["b", "–", "0"]]

    @pytest.mark.parametrize(
        ("seconds", "told"),
        [(None, "–"), (12, "12 s"), (60, "1 min"), (3600, "1 h"), (12_000, "3 h 20 min"), (180_000, "2 d 2 h")],
    )
    def test_durations_have_two_units(self, seconds, told):
        assert format_duration(seconds) == told


class TestTransparencyPage:
    def test_transparency_page_shows_a_year_and_offers_files(self, browser, mod, week, noon):
        client = browser(mod)
        page = client.get(TRANSPARENCY, {"year": noon.year, "month": noon.month}).text
        assert "Complaints (appeals)" in page
        assert f"year={noon.year}&amp;month={noon.month}&amp;format=csv" in page
        for format, kind in (("json", "application/json"), ("csv", "text/csv"), ("html", "text/html")):
            answer = client.get(TRANSPARENCY, {"year": noon.year, "format": format})
            assert answer.headers["Content-Type"].startswith(kind)
            assert answer.headers["Content-Disposition"] == f'attachment; filename="transparency-{noon.year}.{format}"'

    @pytest.mark.parametrize(
        "asked", [{"year": "x"}, {"year": "0"}, {"year": "9999"}, {"month": "13"}, {"format": "pdf"}], ids=str
    )
    def test_unknown_year_or_format_is_not_found(self, browser, mod, asked):
        assert browser(mod).get(TRANSPARENCY, asked).status_code == 404
