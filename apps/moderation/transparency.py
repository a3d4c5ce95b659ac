"""The transparency report of a month or a year, in the shape of articles 15 and 24 of Regulation (EU) 2022/2065, the
Digital Services Act. Each figure names its article; docs/transparency.md explains how it is counted.

What Photogram does not keep is in the report with the value None and a note: the operator fills it in, or says that
there was none.
"""

import csv
import io
import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

from django.db import connection
from django.db.models import Count, Q
from django.template.loader import render_to_string
from django.utils import timezone

from apps.core.ids import first_id_at
from apps.core.times import timestamp
from apps.moderation.insight import WAITED, Period
from apps.moderation.models import Appeal, Flag, ModerationAction, Statement
from apps.moderation.statements import ON_THE_LAW

Action = ModerationAction.Action
REGULATION = "Regulation (EU) 2022/2065 (Digital Services Act)"
FORMATS = ("json", "csv", "html")
NOT_KEPT = "Not kept by Photogram: to be added by the operator."

# When a flag or an appeal was made is the moment in its id, which the audit keeps also when the row is gone.
_CASE_MADE = "to_timestamp(('x' || substr(replace(case_id::text, '-', ''), 1, 12))::bit(48)::bigint / 1000.0)"
_CASES_TOOK = f"""
SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM created_at - {_CASE_MADE}))
FROM moderation_moderationaction
WHERE id >= %(since)s AND id < %(until)s AND action = ANY(%(actions)s) AND case_id IS NOT NULL
"""  # noqa: S608  (of constants)
_ACTIONS_TOOK = f"""
SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY {WAITED}) FROM moderation_moderationaction AS action
WHERE id >= %(since)s AND id < %(until)s AND action = ANY(%(actions)s)
"""  # noqa: S608  (of constants)


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
        """The one figure of that key and breakdown. Raises KeyError."""
        for section in self.sections:
            for figure in section.figures:
                if figure.key == key and figure.by == by:
                    return figure
        raise KeyError(key)


def period_of(year: int, month: int | None = None) -> Period:
    """By UTC. Raises ValueError for what is no year or month."""
    since = datetime(year, month or 1, 1, tzinfo=UTC)
    if month is None or month == 12:
        return Period(since, datetime(year + 1, 1, 1, tzinfo=UTC))
    return Period(since, datetime(year, month + 1, 1, tzinfo=UTC))


def report(period: Period) -> Report:
    sections = [
        _orders(),
        _notices(period),
        _own_initiative(period),
        _complaints(period),
        _automated_means(period),
        _disputes(),
        _suspensions(period),
        _statements(period),
        _recipients(),
    ]
    return Report(period.since, period.until, timezone.now(), sections)


# ── Sections ─────────────────────────────────────────────────────────────────────────────────────────────
def _orders() -> Section:
    figure = Figure("orders", "Orders received from authorities", "15(1)(a)", None, note=NOT_KEPT)
    return Section("orders", "Orders of authorities", "15(1)(a), 9, 10", [figure])


def _notices(period: Period) -> Section:
    flags = Flag.objects.filter(**_stretch(period))
    received = _by_category(flags)
    acted = _measures(period, reported=True)
    closed = _decided(period, [Action.RESOLVE_FLAG, Action.DISMISS_FLAG])
    figures = [
        *_broken_down("notices", "Notices received", "15(1)(b), 16", received),
        Figure("notices_of_trusted_flaggers", "of trusted flaggers", "15(1)(b), 22", None, note=NOT_KEPT),
        Figure(
            "notices_acted_on", "Notices closed, something was done", "15(1)(b)", closed.get(Action.RESOLVE_FLAG, 0)
        ),
        Figure(
            "notices_dismissed", "Notices closed, nothing was wrong", "15(1)(b)", closed.get(Action.DISMISS_FLAG, 0)
        ),
        *_measure_figures("actions_on_notices", "Actions taken on notices", "15(1)(b)", acted),
        Figure(
            "notices_by_automated_means",
            "Notices processed by automated means alone",
            "15(1)(b)",
            ModerationAction.objects.between(period.since, period.until)
            .filter(actor__isnull=True, action__in=[Action.RESOLVE_FLAG, Action.DISMISS_FLAG])
            .count(),
        ),
        _median("notice_to_decision", "Median time from a notice to its decision", "15(1)(b), 16(6)", period, "cases"),
        _median("notice_to_action", "Median time from the first notice to an action", "15(1)(b)", period, "actions"),
    ]
    return Section("notices", "Notices", "15(1)(b), 16", figures)


def _own_initiative(period: Period) -> Section:
    own = _measures(period, reported=False)
    return Section(
        "own_initiative",
        "Moderation on our own initiative",
        "15(1)(c)",
        _measure_figures("own_initiative", "Actions taken on our own initiative", "15(1)(c)", own),
    )


def _complaints(period: Period) -> Section:
    made = Appeal.objects.filter(**_stretch(period))
    decided = _decided(period, [Action.UPHOLD_APPEAL, Action.OVERTURN_APPEAL])
    upheld, overturned = decided.get(Action.UPHOLD_APPEAL, 0), decided.get(Action.OVERTURN_APPEAL, 0)
    basis = _by_category(made, "action__category")
    return Section(
        "complaints",
        "Complaints (appeals)",
        "15(1)(d), 20",
        [
            *_broken_down("complaints", "Complaints received", "15(1)(d), 20", basis),
            Figure("complaints_decided", "Complaints decided", "15(1)(d), 20(4)", upheld + overturned),
            Figure("complaints_upheld", "The decision was upheld", "15(1)(d), 20(5)", upheld),
            Figure("complaints_overturned", "The decision was reversed", "15(1)(d), 20(4)", overturned),
            _median("complaint_to_decision", "Median time to decide a complaint", "15(1)(d), 20(4)", period, "appeals"),
        ],
    )


def _automated_means(period: Period) -> Section:
    by_machine = (
        ModerationAction.objects.between(period.since, period.until)
        .filter(actor__isnull=True, action__in=[Action.TAKEDOWN, Action.SUSPEND])
        .count()
    )
    figures = [
        Figure("automated_decisions", "Restrictions decided by automated means", "15(1)(e), 15(1)(c)", by_machine),
        Figure("automated_error_rate", "Their rate of error", "15(1)(e)", None, note=NOT_KEPT),
    ]
    text = (
        "A restriction that no person decided is counted here. The clock ends suspensions whose time is over, which is "
        "no restriction. Complaints are decided by a person, and by another one than who took the decision."
    )
    return Section("automated_means", "Automated means", "15(1)(e)", figures, text)


def _disputes() -> Section:
    figure = Figure("disputes", "Disputes before out-of-court bodies", "24(1)(a), 21", None, note=NOT_KEPT)
    return Section("disputes", "Out-of-court settlement", "24(1)(a), 21", [figure])


def _suspensions(period: Period) -> Section:
    actions = ModerationAction.objects.between(period.since, period.until)
    made = actions.filter(action=Action.SUSPEND)
    timed = made.filter(until__isnull=False).count()
    by_category = _by_category(made)
    total = sum(by_category.values())
    illegal = sum(number for category, number in by_category.items() if category in ON_THE_LAW)
    return Section(
        "suspensions",
        "Suspensions",
        "24(1)(b), 23",
        [
            *_broken_down("suspensions", "Suspensions of accounts", "24(1)(b), 23", by_category),
            Figure("suspensions_for_illegal_content", "for illegal content", "24(1)(b), 23(1)", illegal),
            Figure("suspensions_with_an_end", "with an end that was set", "24(1)(b)", timed),
            Figure("suspensions_without_an_end", "until they are lifted", "24(1)(b)", total - timed),
            Figure(
                "suspensions_lifted",
                "Suspensions lifted or over",
                "24(1)(b)",
                actions.filter(action=Action.UNSUSPEND).count(),
            ),
            Figure(
                "suspensions_for_unfounded_notices",
                "for manifestly unfounded notices or complaints",
                "24(1)(b), 23(2)",
                None,
                note=NOT_KEPT,
            ),
        ],
    )


def _statements(period: Period) -> Section:
    since, until = first_id_at(period.since), first_id_at(period.until)
    of_reasons = Statement.objects.filter(
        action_id__gte=since, action_id__lt=until, action__action__in=[Action.TAKEDOWN, Action.SUSPEND]
    )
    numbers = of_reasons.aggregate(made=Count("pk"), mailed=Count("pk", filter=Q(mailed_at__isnull=False)))
    return Section(
        "statements",
        "Statements of reasons",
        "17, 24(5)",
        [
            Figure("statements", "Statements of reasons", "17, 24(5)", numbers["made"]),
            Figure("statements_mailed", "of which mailed", "17(1)", numbers["mailed"]),
        ],
    )


def _recipients() -> Section:
    figure = Figure("recipients", "Average monthly active recipients in the Union", "24(2)", None, note=NOT_KEPT)
    return Section("recipients", "Recipients of the service", "24(2)", [figure])


# ── Figures ──────────────────────────────────────────────────────────────────────────────────────────────
def _stretch(period: Period) -> dict[str, Any]:
    return {"id__gte": first_id_at(period.since), "id__lt": first_id_at(period.until)}


def _by_category(rows: Any, column: str = "category") -> dict[str, int]:
    return dict(rows.order_by(column).values_list(column).annotate(number=Count("pk")))


def _decided(period: Period, actions: list[str]) -> dict[str, int]:
    rows = ModerationAction.objects.between(period.since, period.until).filter(action__in=actions)
    return _by_category(rows, "action")


def _measures(period: Period, *, reported: bool) -> list[tuple[str, str, str, int]]:
    """(action, target_type, category, number) of what restricted somebody."""
    rows: Any = ModerationAction.objects.between(period.since, period.until).with_occasion()
    measures = rows.filter(action__in=[Action.TAKEDOWN, Action.SUSPEND], reported=reported)
    grouped = measures.order_by().values_list("action", "target_type", "category").annotate(number=Count("pk"))
    return sorted(grouped)


def _measure_figures(key: str, label: str, article: str, measures: list[tuple[str, str, str, int]]) -> list[Figure]:
    """The total, by ground, and by restriction and category."""
    on_the_law = sum(number for *_, category, number in measures if category in ON_THE_LAW)
    total = sum(number for *_, number in measures)
    figures = [
        Figure(key, label, article, total),
        Figure(key, label, article, on_the_law, by={"ground": "law"}),
        Figure(key, label, article, total - on_the_law, by={"ground": "terms"}),
    ]
    for action, target_type, category, number in measures:
        by = {"restriction": f"{action} of {target_type}", "category": category}
        figures.append(Figure(key, label, article, number, by=by))
    return figures


def _broken_down(key: str, label: str, article: str, numbers: dict[str, int]) -> Iterator[Figure]:
    yield Figure(key, label, article, sum(numbers.values()))
    for category, number in numbers.items():
        yield Figure(key, label, article, number, by={"category": category})


_MEDIANS = {
    "cases": (_CASES_TOOK, [Action.RESOLVE_FLAG, Action.DISMISS_FLAG]),
    "appeals": (_CASES_TOOK, [Action.UPHOLD_APPEAL, Action.OVERTURN_APPEAL]),
    "actions": (_ACTIONS_TOOK, [Action.TAKEDOWN, Action.SUSPEND]),
}


def _median(key: str, label: str, article: str, period: Period, of: str) -> Figure:
    sql, actions = _MEDIANS[of]
    with connection.cursor() as cursor:
        cursor.execute(sql, period.params | {"actions": [str(action) for action in actions]})
        (seconds,) = cursor.fetchone()
    return Figure(key, label, article, None if seconds is None else round(float(seconds)), unit="seconds")


# ── Formats ──────────────────────────────────────────────────────────────────────────────────────────────
def as_json(made: Report) -> dict[str, Any]:
    return {
        "regulation": REGULATION,
        "period": {"name": made.name, "since": timestamp(made.since), "until": timestamp(made.until)},
        "made_at": timestamp(made.made_at),
        "sections": [asdict(section) for section in made.sections],
    }


def rendered(made: Report, format: str) -> str:
    """One of FORMATS, ready to publish."""
    if format == "json":
        return json.dumps(as_json(made), indent=2)
    if format == "csv":
        return _csv(_rows(made))
    return render_to_string("console/transparency/report.html", {"report": made, "regulation": REGULATION})


def _rows(made: Report) -> Iterator[list[Any]]:
    yield ["section", "figure", "label", "by", "value", "unit", "article", "note"]
    for section in made.sections:
        for figure in section.figures:
            by = "; ".join(f"{name}: {value}" for name, value in figure.by.items())
            value = "" if figure.value is None else figure.value
            yield [section.key, figure.key, figure.label, by, value, figure.unit, figure.article, figure.note]


def _csv(rows: Iterable[list[Any]]) -> str:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue()
