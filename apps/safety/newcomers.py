"""How often somebody may post, comment and follow while their account is new."""

from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.utils import timezone

from apps.core import cache, limits
from apps.core.db.ids import moment_of
from apps.core.errors import TooManyRequests
from apps.safety.memory import Remembered
from apps.safety.models import NewAccountLimit

HOUR = 3600
DAY = 24 * HOUR


class NewAccountLimitReached(TooManyRequests):
    code, title = "new_account_limit", "New accounts may do that only so often a day; try again later."


def _load() -> dict[str, tuple[int, int]]:
    rows = NewAccountLimit.objects.filter(enabled=True).values_list("deed", "most", "hours")
    return {deed: (most, hours) for deed, most, hours in rows}


in_force = Remembered(_load)


def is_counted(deed: str, user_id: UUID) -> bool:
    """Whether `spend` would count it."""
    limit = in_force.get().get(deed) if settings.RATE_LIMITS_ENABLED else None
    return limit is not None and _age(user_id) < limit[1] * HOUR


def _age(user_id: UUID) -> int:
    """Of an account, in seconds."""
    return int((timezone.now() - moment_of(user_id)) / timedelta(seconds=1))


def spend(deed: str, user_id: UUID) -> None:
    """Count one deed of theirs, in the transaction that does it. An account's id tells its age, so that for an old one
    nothing is asked. Days begin with the account. Raises NewAccountLimitReached.

    Counted as rate limits are, in Redis, and in the database while that is away; RATE_LIMITS turns both off.
    """
    if not is_counted(deed, user_id):
        return
    (most, hours), age = in_force.get()[deed], _age(user_id)
    left = hours * HOUR - age
    day, begun = divmod(max(age, 0), DAY)
    key = cache.key("limit", "new_account", deed, user_id, day)
    window = limits.FixedWindow(key, most, DAY, reset=min(DAY - begun, left))
    state = limits.count(window, use_database=True)
    if state.exceeded:
        raise NewAccountLimitReached(headers={"Retry-After": str(state.reset)})
