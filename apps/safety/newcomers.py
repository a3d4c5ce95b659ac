"""Limits for new accounts: how often they may post, comment and follow in a day."""

from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from apps.core import cache, limits
from apps.core.db.ids import moment_of
from apps.core.errors import TooManyRequests
from apps.core.timed_cache import TimedCache
from apps.safety.models import NewAccountLimit

HOUR = 3600
DAY = 24 * HOUR


class NewAccountLimitReached(TooManyRequests):
    code, title = "new_account_limit", _("New accounts may do that only so often a day; try again later.")


def _load() -> dict[str, tuple[int, int]]:
    rows = NewAccountLimit.objects.filter(enabled=True).values_list("action", "most", "hours")
    return {action: (most, hours) for action, most, hours in rows}


# {action: (maximum, hours)} of the enabled limits.
in_force = TimedCache(_load)


def is_counted(action: str, user_id: UUID) -> bool:
    """Whether `spend` counts this action of this account."""
    limit = in_force.get().get(action) if settings.RATE_LIMITS_ENABLED else None
    return limit is not None and _age(user_id) < limit[1] * HOUR


def _age(user_id: UUID) -> int:
    """The age of an account in seconds; its id contains the time of its creation."""
    return int((timezone.now() - moment_of(user_id)) / timedelta(seconds=1))


def spend(action: str, user_id: UUID) -> None:
    """Count an action of an account. Call it in the transaction of the action. Raises NewAccountLimitReached.

    Days begin at the time of day at which the account was created. Like rate limits, actions are counted in Redis, and
    in the database while Redis is unavailable; RATE_LIMITS turns off both.
    """
    if not is_counted(action, user_id):
        return
    (most, hours), age = in_force.get()[action], _age(user_id)
    left = hours * HOUR - age
    day, seconds = divmod(max(age, 0), DAY)
    key = cache.key("limit", "new_account", action, user_id, day)
    window = limits.FixedWindow(key, most, DAY, reset=min(DAY - seconds, left))
    state = limits.count(window, use_database=True)
    if state.exceeded:
        raise NewAccountLimitReached(headers=state.headers)
