"""The dashboard, the workload of the moderators, and the transparency report."""

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone

from apps.moderation.admin import plots
from apps.moderation.admin.pages import ConsolePage, format_duration, may_oversee
from apps.moderation.models import ModerationAction
from apps.moderation.transparency import statistics
from apps.moderation.transparency.report import FORMATS, REGULATION, Figure, Report, build_report, period_of, render
from apps.moderation.transparency.statistics import Overview, Period

DEFAULT_DAYS = 30
TYPES = {"json": "application/json", "csv": "text/csv; charset=utf-8", "html": "text/html; charset=utf-8"}
# The number of years that the page offers.
YEARS = 5


class DashboardPage(ConsolePage):
    title = "Dashboard"
    template_name = "console/dashboard.html"

    def get_page_context(self) -> dict[str, Any]:
        days = _days(self.request)
        overview = statistics.overview(Period.of_days(days))
        return {"periods": statistics.PERIODS, "chosen": days, "tiles": _tiles(overview), "plots": _plots(overview)}


class WorkloadPage(ConsolePage):
    title = "Workload"
    template_name = "console/workload.html"

    def has_permission(self) -> bool:
        return may_oversee(self.request)

    def get_page_context(self) -> dict[str, Any]:
        days = _days(self.request)
        shares = statistics.workload(Period.of_days(days))
        return {
            "periods": statistics.PERIODS,
            "chosen": days,
            "shares": [(share, format_duration(share.median_seconds)) for share in shares],
        }


class TransparencyPage(ConsolePage):
    """The report of a year or a month, as a page or with `format` as a file."""

    title = "Transparency report"
    template_name = "console/transparency.html"

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if "format" not in request.GET:
            return super().get(request, *args, **kwargs)
        format = request.GET["format"]
        if format not in TYPES:
            raise Http404
        report = self._report()
        answer = HttpResponse(render(report, format), content_type=TYPES[format])
        answer["Content-Disposition"] = f'attachment; filename="transparency-{report.name}.{format}"'
        return answer

    def get_page_context(self) -> dict[str, Any]:
        report = self._report()
        this_year = timezone.now().year
        return {
            "report": report,
            "sections": [(section, [_with_text(figure) for figure in section.figures]) for section in report.sections],
            "regulation": REGULATION,
            "formats": FORMATS,
            "years": range(this_year, this_year - YEARS, -1),
            "months": range(1, 13),
            "year": report.since.year,
            "month": report.since.month if "-" in report.name else None,
            "query": f"year={report.since.year}" + (f"&month={report.since.month}" if "-" in report.name else ""),
        }

    def _report(self) -> Report:
        asked = self.request.GET
        try:
            year, month = int(asked.get("year") or timezone.now().year), int(asked.get("month") or 0)
            return build_report(period_of(year, month or None))
        except (ValueError, OverflowError) as error:
            raise Http404 from error


def _days(request: HttpRequest) -> int:
    asked = request.GET.get("days", str(DEFAULT_DAYS))
    return int(asked) if asked in map(str, statistics.PERIODS) else DEFAULT_DAYS


def _with_text(figure: Figure) -> tuple[Figure, str]:
    if figure.value is None:
        return figure, "–"
    return figure, format_duration(figure.value) if figure.unit == "seconds" else f"{figure.value:,}"


# ── The dashboard ─────────────────────────────────────────────────────────────────────────────
def _tiles(overview: Overview) -> list[tuple[str, str, str]]:
    """(name, value, detail)."""
    decided, overturned = overview.appeals_decided, overview.appeals_overturned
    slow = format_duration(overview.slow_seconds)
    return [
        ("Open reports", f"{overview.open_flags:,}", f"oldest {format_duration(overview.oldest_seconds)}"),
        ("Open appeals", f"{overview.open_appeals:,}", f"oldest {format_duration(overview.oldest_appeal_seconds)}"),
        ("Reports received", f"{overview.flags:,}", "in this period"),
        (
            "Time to decision",
            format_duration(overview.median_seconds),
            f"90th percentile {slow}",
        ),
        (
            "Appeals overturned",
            f"{100 * overturned / decided:.0f} %" if decided else "–",
            f"{overturned:,} of {decided:,} decided",
        ),
    ]


def _plots(overview: Overview) -> list[plots.Plot]:
    names = dict(ModerationAction.Action.choices)
    slowest = max((seconds for _, seconds in overview.waited_by_day if seconds is not None), default=None)
    return [
        plots.columns(
            "flags",
            "Reports per day",
            f"{overview.flags:,} reports in {len(overview.flags_by_day)} days.",
            [(f"{day:%-d %b}", [number]) for day, number in overview.flags_by_day],
            series=["reports"],
        ),
        plots.columns(
            "waited",
            "Time to decision, in hours",
            f"Median time from the first report to the decision, by day. Maximum {format_duration(slowest)}.",
            [(f"{day:%-d %b}", [seconds]) for day, seconds in overview.waited_by_day],
            series=["median"],
            texts=[[format_duration(seconds)] for _, seconds in overview.waited_by_day],
            unit=3600,
        ),
        plots.columns(
            "outcomes",
            "Outcomes",
            f"{sum(number for _, number in overview.outcomes):,} actions by type.",
            [(names.get(action, action), [number]) for action, number in overview.outcomes],
            series=["actions"],
            every_name=True,
        ),
        plots.columns(
            "appeals",
            "Appeals decided, by month",
            f"{overview.appeals_overturned:,} of {overview.appeals_decided:,} decisions were overturned.",
            [(month, [upheld, overturned]) for month, upheld, overturned in overview.appeals_by_month],
            series=["upheld", "overturned"],
        ),
        plots.columns(
            "ages",
            "Age of the queue",
            f"{overview.open_flags:,} open reports. The oldest is {format_duration(overview.oldest_seconds)} old.",
            [(name, [number]) for name, number in overview.open_by_age],
            series=["open reports"],
            every_name=True,
        ),
    ]
