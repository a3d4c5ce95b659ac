"""Statistics of moderation: incoming reports, time to decision, outcomes and overturned decisions.

Every query reads a range of ids (a period) or open rows, counted up to MOST_COUNTED.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Aggregate, Count, DurationField, Min, Q
from django.db.models.functions import TruncDate, TruncMonth
from django.utils import timezone

from apps.accounts.models import User
from apps.core.db.ids import first_id_at
from apps.core.ops.metrics import MOST_COUNTED
from apps.moderation.models import REVERSALS, Appeal, Flag, ModerationAction
from apps.moderation.querysets import ActionQuerySet, FlagQuerySet

Action = ModerationAction.Action
# The periods that pages offer, in days.
PERIODS = (7, 30, 90, 365)
# Between no action and a takedown.
GRADED = [Action.MARK_SENSITIVE, Action.LIMIT_REACH, Action.WARN]
DECISIONS = [Action.TAKEDOWN, Action.SUSPEND, *GRADED, Action.RESOLVE_FLAG, Action.DISMISS_FLAG]

# The ages of open reports, in hours, and the names of the groups between them.
AGE_BOUNDS = (1, 4, 24, 72, 168)
AGES = ("under 1 h", "1 to 4 h", "4 to 24 h", "1 to 3 days", "3 to 7 days", "over 7 days")
# The number of moderators that the workload lists.
LISTED = 200


class Percentile(Aggregate):
    """PostgreSQL's percentile_cont of a duration."""

    function = "percentile_cont"
    template = "%(function)s(%(fraction)s) WITHIN GROUP (ORDER BY %(expressions)s)"
    output_field = DurationField()

    def __init__(self, expression: str, fraction: float, **extra: Any) -> None:
        super().__init__(expression, fraction=fraction, **extra)


@dataclass(frozen=True)
class Period:
    """From `since` on, and before `until`."""

    since: datetime
    until: datetime

    @classmethod
    def of_days(cls, days: int) -> "Period":
        """Today and the days before it, by UTC."""
        now = timezone.now()
        midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
        return cls(midnight - timedelta(days=days - 1), midnight + timedelta(days=1))

    @property
    def days(self) -> list[date]:
        first = self.since.date()
        return [first + timedelta(days=n) for n in range((self.until - self.since).days)]

    @property
    def first_id(self) -> UUID:
        return first_id_at(self.since)

    @property
    def end_id(self) -> UUID:
        """The first id after the period."""
        return first_id_at(self.until)


@dataclass(frozen=True)
class Overview:
    """The figures of the dashboard. Seconds are None if nothing was decided."""

    flags_by_day: list[tuple[date, int]]
    waited_by_day: list[tuple[date, float | None]]
    outcomes: list[tuple[str, int]]
    appeals_by_month: list[tuple[str, int, int]]  # month, upheld, overturned
    open_by_age: list[tuple[str, int]]
    oldest_seconds: float
    open_appeals: int
    oldest_appeal_seconds: float
    median_seconds: float | None
    slow_seconds: float | None  # the 90th percentile

    @property
    def open_flags(self) -> int:
        return sum(number for _, number in self.open_by_age)

    @property
    def flags(self) -> int:
        return sum(number for _, number in self.flags_by_day)

    @property
    def appeals_decided(self) -> int:
        return sum(upheld + overturned for _, upheld, overturned in self.appeals_by_month)

    @property
    def appeals_overturned(self) -> int:
        return sum(overturned for _, _, overturned in self.appeals_by_month)


def overview(period: Period) -> Overview:
    """In seven queries."""
    reports = Flag.objects.filter(id__gte=period.first_id, id__lt=period.end_id)
    actions = ModerationAction.objects.between(period.since, period.until)
    decisions = actions.filter(action__in=DECISIONS).with_wait()
    received, waited = _count_by_day(reports), _median_by_day(decisions)
    times = decisions.aggregate(median=Percentile("waited", 0.5), slow=Percentile("waited", 0.9))
    outcomes = actions.values_list("action").annotate(number=Count("pk")).order_by("-number", "action")
    ages, oldest = _ages_of_open_reports()
    open_appeals = Appeal.objects.open().order_by("id")[:MOST_COUNTED]
    appeals = open_appeals.aggregate(number=Count("pk"), oldest=Min("created_at"))
    return Overview(
        flags_by_day=[(day, received.get(day, 0)) for day in period.days],
        waited_by_day=[(day, waited.get(day)) for day in period.days],
        outcomes=list(outcomes),
        appeals_by_month=_appeals_by_month(actions),
        open_by_age=ages,
        oldest_seconds=_age(oldest),
        open_appeals=appeals["number"],
        oldest_appeal_seconds=_age(appeals["oldest"]),
        median_seconds=seconds(times["median"]),
        slow_seconds=seconds(times["slow"]),
    )


def _count_by_day(flags: FlagQuerySet) -> dict[date, int]:
    days = flags.annotate(day=TruncDate("created_at", tzinfo=UTC)).order_by().values_list("day")
    return dict(days.annotate(number=Count("pk")))


def _median_by_day(decisions: ActionQuerySet) -> dict[date, float | None]:
    rows: Any = decisions.annotate(day=TruncDate("created_at", tzinfo=UTC)).order_by().values_list("day")
    return {day: seconds(median) for day, median in rows.annotate(median=Percentile("waited", 0.5))}


def _ages_of_open_reports() -> tuple[list[tuple[str, int]], datetime | None]:
    """The number of open reports in each group of ages, and when the oldest was created."""
    now = timezone.now()
    limits = [now - timedelta(hours=hours) for hours in AGE_BOUNDS]
    groups: dict[str, Count] = {}
    for index in range(len(AGES)):
        younger = Q(created_at__gt=limits[index]) if index < len(limits) else Q()
        older = Q(created_at__lte=limits[index - 1]) if index else Q()
        groups[f"group_{index}"] = Count("pk", filter=(younger & older) or None)
    found = Flag.objects.open().order_by("id")[:MOST_COUNTED].aggregate(oldest=Min("created_at"), **groups)
    return [(name, found[f"group_{index}"]) for index, name in enumerate(AGES)], found["oldest"]


def _appeals_by_month(actions: ActionQuerySet) -> list[tuple[str, int, int]]:
    """(month, upheld, overturned)."""
    decided = actions.filter(action__in=[Action.UPHOLD_APPEAL, Action.OVERTURN_APPEAL])
    months = decided.annotate(month=TruncMonth("created_at", tzinfo=UTC)).order_by("month").values_list("month")
    rows = months.annotate(
        upheld=Count("pk", filter=Q(action=Action.UPHOLD_APPEAL)),
        overturned=Count("pk", filter=Q(action=Action.OVERTURN_APPEAL)),
    )
    return [(f"{month:%Y-%m}", upheld, overturned) for month, upheld, overturned in rows]


def _age(created_at: datetime | None) -> float:
    return max((timezone.now() - created_at).total_seconds(), 0.0) if created_at else 0.0


def seconds(duration: timedelta | None) -> float | None:
    return None if duration is None else duration.total_seconds()


# ── Moderators ───────────────────────────────────────────────────────────────────────────────────────────
@dataclass(frozen=True)
class Share:
    """The work of one moderator. `handle` is None if the account was deleted."""

    actor_id: UUID
    handle: str | None
    takedowns: int
    suspensions: int
    graded: int
    flags_closed: int
    undone: int
    appeals_decided: int
    median_wait: timedelta | None
    # Decided appeals against this moderator's decisions, and those of them that were overturned.
    appealed: int
    overturned: int

    @property
    def median_seconds(self) -> float | None:
        return seconds(self.median_wait)

    @property
    def decisions(self) -> int:
        taken = self.takedowns + self.suspensions + self.graded
        return taken + self.flags_closed + self.undone + self.appeals_decided

    @property
    def overturned_percent(self) -> int | None:
        return round(100 * self.overturned / self.appealed) if self.appealed else None


def workload(period: Period) -> list[Share]:
    """The moderators with the most actions first, at most LISTED."""
    actions: Any = ModerationAction.objects.between(period.since, period.until).filter(actor__isnull=False).with_wait()
    rows = (
        actions.order_by()
        .values_list("actor_id")
        .annotate(
            takedowns=_count(Action.TAKEDOWN),
            suspensions=_count(Action.SUSPEND),
            graded=_count(*GRADED),
            flags_closed=_count(Action.RESOLVE_FLAG, Action.DISMISS_FLAG),
            undone=_count(*REVERSALS),
            appeals_decided=_count(Action.UPHOLD_APPEAL, Action.OVERTURN_APPEAL),
            median=Percentile("waited", 0.5, filter=Q(action__in=DECISIONS)),
            appealed=Count("appeal", filter=Q(appeal__status__in=[Appeal.Status.UPHELD, Appeal.Status.OVERTURNED])),
            overturned=Count("appeal", filter=Q(appeal__status=Appeal.Status.OVERTURNED)),
            total=Count("pk"),
        )
    )
    busiest = list(rows.order_by("-total", "actor_id")[:LISTED])
    # Not by a join, which would leave out deleted accounts.
    handles = dict(User.objects.filter(pk__in=[row[0] for row in busiest]).values_list("pk", "handle"))
    return [Share(actor_id, handles.get(actor_id), *numbers) for actor_id, *numbers, _ in busiest]


def _count(*actions: str) -> Count:
    return Count("pk", filter=Q(action__in=actions))
