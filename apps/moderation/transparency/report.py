"""The transparency report of a month or a year, as articles 15 and 24 of Regulation (EU) 2022/2065 (Digital Services
Act) require. Each figure names its article; docs/transparency.md explains how it is counted.

Figures that Photogram does not store have the value None and a note, for the operator to complete.
"""

import csv
import io
import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any, NamedTuple

from django.db.models import Count, Q
from django.template.loader import render_to_string
from django.utils import timezone

from apps.core.db.queries import fetch_rows, load
from apps.core.spreadsheets import escape_row
from apps.core.times import timestamp
from apps.moderation.appeals.statements import ON_THE_LAW
from apps.moderation.models import RESTRICTIONS, Appeal, Flag, ModerationAction, Statement
from apps.moderation.transparency.statistics import Percentile, Period, seconds

Action = ModerationAction.Action
REGULATION = "Regulation (EU) 2022/2065 (Digital Services Act)"
FORMATS = ("json", "csv", "html")
NOT_STORED = "Not stored by Photogram; to be added by the operator."


@dataclass(frozen=True)
class Figure:
    key: str
    label: str
    article: str
    value: int | float | None
    unit: str = "number"
    by: dict[str, str] = field(default_factory=dict)
    note: str = ""


@dataclass(frozen=True)
class Section:
    key: str
    title: str
    article: str
    figures: list[Figure]
    text: str = ""


@dataclass(frozen=True)
class Report:
    since: datetime
    until: datetime
    made_at: datetime
    sections: list[Section]

    @property
    def name(self) -> str:
        """`2026`, or `2026-10`."""
        whole_year = (self.until.year, self.until.month) == (self.since.year + 1, self.since.month)
        return f"{self.since:%Y}" if whole_year else f"{self.since:%Y-%m}"

    def figure(self, key: str, **by: str) -> Figure:
        """The figure with this key and breakdown. Raises KeyError."""
        for section in self.sections:
            for figure in section.figures:
                if figure.key == key and figure.by == by:
                    return figure
        raise KeyError(key)


def period_of(year: int, month: int | None = None) -> Period:
    """The year or month in UTC. Raises ValueError if there is no such year or month."""
    since = datetime(year, month or 1, 1, tzinfo=UTC)
    if month is None or month == 12:
        return Period(since, datetime(year + 1, 1, 1, tzinfo=UTC))
    return Period(since, datetime(year, month + 1, 1, tzinfo=UTC))


def build_report(period: Period) -> Report:
    """In at most seven queries."""
    counted = _Counted.of(period)
    sections = [
        _orders(),
        _notices(counted),
        _own_initiative(counted),
        _complaints(counted),
        _automated_means(counted),
        _disputes(),
        _suspensions(counted),
        _statements(counted),
        _recipients(),
    ]
    return Report(period.since, period.until, timezone.now(), sections)


# ── Counts ──────────────────────────────────────────────────────────────────────────────────────
class Row(NamedTuple):
    """The number of actions with these values."""

    action: str
    target_type: str
    category: str
    by_person: bool
    with_end: bool
    reported: bool
    affects_nobody: bool
    number: int


@dataclass(frozen=True)
class _Counted:
    actions: list[Row]
    notices: dict[str, int]  # by category
    complaints: dict[str, int]  # by the category of the action
    objections: int  # those of the complaints that reporters made
    statements: int
    mailed: int
    # Medians, in seconds.
    notice_to_decision: float | None
    complaint_to_decision: float | None
    notice_to_action: float | None

    @classmethod
    def of(cls, period: Period) -> "_Counted":
        since, until = period.first_id, period.end_id
        letters = Statement.objects.filter(
            action_id__gte=since, action_id__lt=until, action__action__in=RESTRICTIONS
        ).aggregate(made=Count("pk"), mailed=Count("pk", filter=Q(mailed_at__isnull=False)))
        complaints, objections = _count_complaints(Appeal.objects.filter(id__gte=since, id__lt=until))
        return cls(
            actions=_actions(period),
            notices=_by_category(Flag.objects.filter(id__gte=since, id__lt=until)),
            complaints=complaints,
            objections=objections,
            statements=letters["made"],
            mailed=letters["mailed"],
            notice_to_decision=_median_case_seconds(period, Action.RESOLVE_FLAG, Action.DISMISS_FLAG),
            complaint_to_decision=_median_case_seconds(period, Action.UPHOLD_APPEAL, Action.OVERTURN_APPEAL),
            notice_to_action=_median_wait(period),
        )

    def number(self, *actions: str, **alike: Any) -> int:
        """The number of these actions with these values."""
        return sum(row.number for row in self.rows(*actions, **alike))

    def rows(self, *actions: str, **alike: Any) -> list[Row]:
        fitting = (row for row in self.actions if row.action in actions)
        return [row for row in fitting if all(getattr(row, name) == value for name, value in alike.items())]


def _median_case_seconds(period: Period, *actions: str) -> float | None:
    """The median time from a report or an appeal to the decision on it."""
    sql = load("moderation/median_case_seconds")
    median: float | None
    [(median,)] = fetch_rows(sql, {"since": period.first_id, "until": period.end_id, "actions": list(actions)})
    return median


def _median_wait(period: Period) -> float | None:
    """The median time from the first report of a target to the restriction of it."""
    actions = ModerationAction.objects.between(period.since, period.until).filter(action__in=RESTRICTIONS).with_wait()
    return seconds(actions.aggregate(median=Percentile("waited", 0.5))["median"])


def _actions(period: Period) -> list[Row]:
    rows: Any = ModerationAction.objects.between(period.since, period.until).with_occasion()
    annotated = rows.annotate(
        by_person=Q(actor__isnull=False),
        with_end=Q(until__isnull=False),
        affects_nobody=Q(affected_id__isnull=True),
    )
    grouped = annotated.values_list(
        "action", "target_type", "category", "by_person", "with_end", "reported", "affects_nobody"
    )
    return [Row(*row) for row in grouped.order_by().annotate(number=Count("pk"))]


def _by_category(rows: Any) -> dict[str, int]:
    return dict(rows.order_by("category").values_list("category").annotate(number=Count("pk")))


def _count_complaints(rows: Any) -> tuple[dict[str, int], int]:
    """The number of appeals by category of the action, and of those by reporters."""
    by_category: dict[str, int] = {}
    objections = 0
    counted = rows.order_by("action__category").values_list("action__category", "action__action")
    for category, action, number in counted.annotate(number=Count("pk")):
        by_category[category] = by_category.get(category, 0) + number
        objections += number if action == Action.DISMISS_FLAG else 0
    return by_category, objections


# ── Sections ─────────────────────────────────────────────────────────────────────────────────────────────
def _orders() -> Section:
    figure = Figure("orders", "Orders received from authorities", "15(1)(a)", None, note=NOT_STORED)
    return Section("orders", "Orders of authorities", "15(1)(a), 9, 10", [figure])


def _notices(counted: _Counted) -> Section:
    closed_by_machine = counted.number(Action.RESOLVE_FLAG, Action.DISMISS_FLAG, by_person=False)
    figures = [
        *_broken_down("notices", "Notices received", "15(1)(b), 16", counted.notices),
        Figure("notices_of_trusted_flaggers", "Notices of trusted flaggers", "15(1)(b), 22", None, note=NOT_STORED),
        Figure("notices_acted_on", "Notices closed: acted on", "15(1)(b)", counted.number(Action.RESOLVE_FLAG)),
        Figure("notices_dismissed", "Notices closed: dismissed", "15(1)(b)", counted.number(Action.DISMISS_FLAG)),
        *_restrictions("actions_on_notices", "Actions taken on notices", "15(1)(b)", counted, reported=True),
        Figure("notices_by_automated_means", "Notices closed by automated means", "15(1)(b)", closed_by_machine),
        _median("notice_to_decision", "Median time, notice to decision", "15(1)(b)", counted.notice_to_decision),
        _median("notice_to_action", "Median time, first notice to action", "15(1)(b)", counted.notice_to_action),
    ]
    return Section("notices", "Notices", "15(1)(b), 16", figures)


def _own_initiative(counted: _Counted) -> Section:
    figures = _restrictions("own_initiative", "Actions on our own initiative", "15(1)(c)", counted, reported=False)
    return Section("own_initiative", "Moderation on our own initiative", "15(1)(c)", figures)


def _complaints(counted: _Counted) -> Section:
    upheld, overturned = counted.number(Action.UPHOLD_APPEAL), counted.number(Action.OVERTURN_APPEAL)
    figures = [
        *_broken_down("complaints", "Complaints received", "15(1)(d), 20(1)", counted.complaints),
        Figure("complaints_decided", "Complaints decided", "15(1)(d), 20(4)", upheld + overturned),
        Figure("complaints_upheld", "The decision was upheld", "15(1)(d), 20(5)", upheld),
        Figure("complaints_overturned", "The decision was reversed", "15(1)(d), 20(4)", overturned),
        _median(
            "complaint_to_decision", "Median time to decide a complaint", "15(1)(d)", counted.complaint_to_decision
        ),
        Figure("objections", "Complaints of reporters (objections)", "15(1)(d), 20(1)", counted.objections),
        # Decisions on the appeals of affected users have an affected user.
        Figure(
            "objections_rejected",
            "Objections: the dismissal was upheld",
            "15(1)(d), 20(5)",
            counted.number(Action.UPHOLD_APPEAL, affects_nobody=True),
        ),
        Figure(
            "objections_upheld",
            "Objections upheld: the report was opened again",
            "15(1)(d), 20(4)",
            counted.number(Action.OVERTURN_APPEAL, affects_nobody=True),
        ),
    ]
    return Section("complaints", "Complaints (appeals)", "15(1)(d), 20", figures)


def _automated_means(counted: _Counted) -> Section:
    by_machine = counted.number(*RESTRICTIONS, by_person=False)
    figures = [
        Figure("automated_decisions", "Restrictions decided by automated means", "15(1)(e)", by_machine),
        Figure("automated_error_rate", "Their rate of error", "15(1)(e)", None, note=NOT_STORED),
    ]
    text = (
        "Restrictions that no person decided. The automatic end of a suspension is no restriction. Complaints are "
        "decided by a person, who is never the one who took the decision."
    )
    return Section("automated_means", "Automated means", "15(1)(e)", figures, text)


def _disputes() -> Section:
    figure = Figure("disputes", "Disputes before out-of-court bodies", "24(1)(a)", None, note=NOT_STORED)
    return Section("disputes", "Out-of-court settlement", "24(1)(a), 21", [figure])


def _suspensions(counted: _Counted) -> Section:
    by_category: dict[str, int] = {}
    for row in counted.rows(Action.SUSPEND):
        by_category[row.category] = by_category.get(row.category, 0) + row.number
    illegal = sum(number for category, number in by_category.items() if category in ON_THE_LAW)
    ended, endless = (counted.number(Action.SUSPEND, with_end=with_end) for with_end in (True, False))
    lifted = counted.number(Action.UNSUSPEND)
    figures = [
        Figure("warnings", "Warnings of accounts", "23(1)", counted.number(Action.WARN)),
        Figure("warnings_withdrawn", "Warnings withdrawn", "23(1)", counted.number(Action.WITHDRAW_WARNING)),
        *_broken_down("suspensions", "Suspensions of accounts", "24(1)(b), 23", dict(sorted(by_category.items()))),
        Figure("suspensions_for_illegal_content", "Suspensions for illegal content", "24(1)(b), 23(1)", illegal),
        Figure("suspensions_with_an_end", "Suspensions with an end", "24(1)(b)", ended),
        Figure("suspensions_without_an_end", "Suspensions until lifted", "24(1)(b)", endless),
        Figure("suspensions_lifted", "Suspensions lifted or over", "24(1)(b)", lifted),
        Figure(
            "suspensions_for_unfounded_notices",
            "Suspensions for unfounded notices or complaints",
            "24(1)(b), 23(2)",
            None,
            note=NOT_STORED,
        ),
    ]
    return Section("suspensions", "Suspensions", "24(1)(b), 23", figures)


def _statements(counted: _Counted) -> Section:
    figures = [
        Figure("statements", "Statements of reasons", "17, 24(5)", counted.statements),
        Figure("statements_mailed", "Statements of reasons mailed", "17(1)", counted.mailed),
    ]
    return Section("statements", "Statements of reasons", "17, 24(5)", figures)


def _recipients() -> Section:
    figure = Figure("recipients", "Average monthly active recipients in the Union", "24(2)", None, note=NOT_STORED)
    return Section("recipients", "Recipients of the service", "24(2)", [figure])


# As the figures name these restrictions.
_NAMES: dict[str, str] = {Action.MARK_SENSITIVE: "sensitive mark", Action.LIMIT_REACH: "limited reach"}


# ── Figures ──────────────────────────────────────────────────────────────────────────────────────────────
def _restrictions(key: str, label: str, article: str, counted: _Counted, *, reported: bool) -> list[Figure]:
    """The total, by ground, and by restriction and category."""
    rows = counted.rows(*RESTRICTIONS, reported=reported)
    on_the_law = sum(row.number for row in rows if row.category in ON_THE_LAW)
    total = sum(row.number for row in rows)
    parts: dict[tuple[str, str], int] = {}
    for row in rows:
        part = (f"{_NAMES.get(row.action, row.action)} of {row.target_type}", row.category)
        parts[part] = parts.get(part, 0) + row.number
    return [
        Figure(key, label, article, total),
        Figure(key, label, article, on_the_law, by={"ground": "law"}),
        Figure(key, label, article, total - on_the_law, by={"ground": "terms"}),
        *(
            Figure(key, label, article, number, by={"restriction": restriction, "category": category})
            for (restriction, category), number in sorted(parts.items())
        ),
    ]


def _broken_down(key: str, label: str, article: str, numbers: dict[str, int]) -> Iterator[Figure]:
    yield Figure(key, label, article, sum(numbers.values()))
    for category, number in numbers.items():
        yield Figure(key, label, article, number, by={"category": category})


def _median(key: str, label: str, article: str, seconds: float | None) -> Figure:
    return Figure(key, label, article, None if seconds is None else round(float(seconds)), unit="seconds")


# ── Formats ──────────────────────────────────────────────────────────────────────────────────────────────
def as_json(report: Report) -> dict[str, Any]:
    return {
        "regulation": REGULATION,
        "period": {"name": report.name, "since": timestamp(report.since), "until": timestamp(report.until)},
        "made_at": timestamp(report.made_at),
        "sections": [asdict(section) for section in report.sections],
    }


def render(report: Report, format: str) -> str:
    """The report in one of FORMATS, ready to publish."""
    if format == "json":
        return json.dumps(as_json(report), indent=2)
    if format == "csv":
        return _csv(_rows(report))
    return render_to_string("console/transparency/report.html", {"report": report, "regulation": REGULATION})


def _rows(report: Report) -> Iterator[list[Any]]:
    yield ["section", "figure", "label", "by", "value", "unit", "article", "note"]
    for section in report.sections:
        for figure in section.figures:
            by = "; ".join(f"{name}: {value}" for name, value in figure.by.items())
            value = "" if figure.value is None else figure.value
            yield [section.key, figure.key, figure.label, by, value, figure.unit, figure.article, figure.note]


def _csv(rows: Iterable[list[Any]]) -> str:
    text = io.StringIO()
    csv.writer(text).writerows(map(escape_row, rows))
    return text.getvalue()
