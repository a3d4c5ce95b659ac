"""How moderation goes: what comes in, how long it waits, what is decided, and what is overturned.

Everything is asked of a stretch of time, which is a stretch of the ids' own index, or of what is open, which is
counted up to MOST_COUNTED; no question reads more than that.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection
from django.utils import timezone

from apps.core.db.ids import first_id_at
from apps.core.ops.metrics import MOST_COUNTED

# The periods that pages offer, in days.
PERIODS = (7, 30, 90, 365)

# A decision's wait: from the oldest report on the same target that was open then. One that was closed within the minute
# before was closed together with it.
WAITED = """
extract(epoch FROM action.created_at - (
    SELECT min(flag.created_at) FROM moderation_flag AS flag
    WHERE flag.target_id = action.target_id AND flag.target_type = action.target_type
        AND flag.created_at <= action.created_at
        AND (flag.resolved_at IS NULL OR flag.resolved_at >= action.created_at - interval '1 minute')
))
"""
DECISIONS = "('takedown', 'suspend', 'resolve_flag', 'dismiss_flag')"

_FLAGS_BY_DAY = """
SELECT (created_at AT TIME ZONE 'UTC')::date, count(*) FROM moderation_flag
WHERE id >= %(since)s AND id < %(until)s GROUP BY 1
"""
_WAITED_BY_DAY = f"""
SELECT day, percentile_cont(0.5) WITHIN GROUP (ORDER BY waited) FROM (
    SELECT (action.created_at AT TIME ZONE 'UTC')::date AS day, {WAITED} AS waited
    FROM moderation_moderationaction AS action
    WHERE id >= %(since)s AND id < %(until)s AND action IN {DECISIONS}
) AS decided WHERE waited IS NOT NULL GROUP BY day
"""  # noqa: S608  (of constants)
_OUTCOMES = """
SELECT action, count(*) FROM moderation_moderationaction WHERE id >= %(since)s AND id < %(until)s GROUP BY 1
"""
_APPEALS_BY_MONTH = """
SELECT to_char(created_at AT TIME ZONE 'UTC', 'YYYY-MM'), action, count(*) FROM moderation_moderationaction
WHERE id >= %(since)s AND id < %(until)s AND action IN ('uphold_appeal', 'overturn_appeal') GROUP BY 1, 2
"""
# By the index on (status, id).
_AGES = """
SELECT width_bucket(extract(epoch FROM now() - created_at), %(bounds)s::numeric[]), count(*),
    extract(epoch FROM max(now() - created_at))
FROM (SELECT created_at FROM moderation_flag WHERE status = 'open' ORDER BY id LIMIT %(most)s) AS waiting GROUP BY 1
"""
_OPEN_APPEALS = """
SELECT count(*), coalesce(extract(epoch FROM max(now() - created_at)), 0)
FROM (SELECT created_at FROM moderation_appeal WHERE status = 'open' ORDER BY id LIMIT %(most)s) AS waiting
"""
_MEDIAN = f"""
SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY waited), percentile_cont(0.9) WITHIN GROUP (ORDER BY waited) FROM (
    SELECT {WAITED} AS waited FROM moderation_moderationaction AS action
    WHERE id >= %(since)s AND id < %(until)s AND action IN {DECISIONS}
) AS decided
"""  # noqa: S608  (of constants)
_WORKLOAD = f"""
SELECT actor_id, person.handle,
    count(*) FILTER (WHERE action = 'takedown'), count(*) FILTER (WHERE action = 'suspend'),
    count(*) FILTER (WHERE action IN ('resolve_flag', 'dismiss_flag')),
    count(*) FILTER (WHERE action IN ('restore', 'unsuspend')),
    count(*) FILTER (WHERE action IN ('uphold_appeal', 'overturn_appeal')),
    percentile_cont(0.5) WITHIN GROUP (ORDER BY waited), count(*) FILTER (WHERE appeal_status <> 'open'),
    count(*) FILTER (WHERE appeal_status = 'overturned')
FROM (
    SELECT action.actor_id, action.action, appeal.status AS appeal_status,
        CASE WHEN action.action IN {DECISIONS} THEN {WAITED} END AS waited
    FROM moderation_moderationaction AS action
    LEFT JOIN moderation_appeal AS appeal ON appeal.action_id = action.id
    WHERE action.id >= %(since)s AND action.id < %(until)s AND actor_id IS NOT NULL
) AS acts LEFT JOIN accounts_user AS person ON person.id = actor_id
GROUP BY actor_id, person.handle ORDER BY count(*) DESC, actor_id LIMIT %(limit)s
"""  # noqa: S608  (of constants)

# Of what waits: how old it is, in hours, and in words.
AGE_BOUNDS = (1, 4, 24, 72, 168)
AGES = ("under 1 h", "1 to 4 h", "4 to 24 h", "1 to 3 days", "3 to 7 days", "over 7 days")
# Moderators that are listed.
LISTED = 200


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
    def params(self) -> dict[str, Any]:
        return {"since": first_id_at(self.since), "until": first_id_at(self.until)}


@dataclass(frozen=True)
class Overview:
    """Seconds are None where nothing was decided."""

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
    """In seven statements."""
    flags, waited = dict(_ask(_FLAGS_BY_DAY, period)), dict(_ask(_WAITED_BY_DAY, period))
    ages = {bucket: (number, oldest) for bucket, number, oldest in _waiting_by_age()}
    ((open_appeals, oldest_appeal),) = _select(_OPEN_APPEALS, {"most": MOST_COUNTED})
    ((median, slow),) = _ask(_MEDIAN, period)
    return Overview(
        flags_by_day=[(day, flags.get(day, 0)) for day in period.days],
        waited_by_day=[(day, _number(waited.get(day))) for day in period.days],
        outcomes=sorted(_ask(_OUTCOMES, period), key=lambda row: (-row[1], row[0])),
        appeals_by_month=_by_month(_ask(_APPEALS_BY_MONTH, period)),
        open_by_age=[(name, ages.get(bucket, (0, 0))[0]) for bucket, name in enumerate(AGES)],
        oldest_seconds=max((float(oldest) for _, oldest in ages.values()), default=0.0),
        open_appeals=open_appeals,
        oldest_appeal_seconds=float(oldest_appeal),
        median_seconds=_number(median),
        slow_seconds=_number(slow),
    )


def _waiting_by_age() -> list[Any]:
    bounds = [hours * 3600.0 for hours in AGE_BOUNDS]
    return _select(_AGES, {"bounds": bounds, "most": MOST_COUNTED})


def _by_month(rows: list[Any]) -> list[tuple[str, int, int]]:
    numbers: dict[str, dict[str, int]] = {}
    for month, action, number in rows:
        numbers.setdefault(month, {})[action] = number
    return [(month, of.get("uphold_appeal", 0), of.get("overturn_appeal", 0)) for month, of in sorted(numbers.items())]


# ── Moderators ───────────────────────────────────────────────────────────────────────────────────────────
@dataclass(frozen=True)
class Share:
    """What one moderator did. `handle` is None once the account is gone."""

    actor_id: UUID
    handle: str | None
    takedowns: int
    suspensions: int
    flags_closed: int
    undone: int
    appeals_decided: int
    median_seconds: float | None
    # Of this moderator's decisions: how many appeals were decided, and how many of those overturned.
    appealed: int
    overturned: int

    @property
    def decisions(self) -> int:
        return self.takedowns + self.suspensions + self.flags_closed + self.undone + self.appeals_decided

    @property
    def overturned_percent(self) -> int | None:
        return round(100 * self.overturned / self.appealed) if self.appealed else None


def workload(period: Period) -> list[Share]:
    """The busiest first; at most LISTED."""
    rows = _select(_WORKLOAD, period.params | {"limit": LISTED})
    return [Share(*row) for row in rows]


def _ask(sql: str, period: Period) -> list[Any]:
    return _select(sql, period.params)


def _select(sql: str, params: dict[str, Any]) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return list(cursor.fetchall())


def _number(value: Any) -> float | None:
    return None if value is None else float(value)
