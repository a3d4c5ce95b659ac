"""Suspensions that were given an end."""

from uuid import UUID

from django.db import transaction
from django.utils import timezone

from apps.accounts import services as accounts
from apps.accounts.models import User
from apps.core.db.batches import BATCH
from apps.moderation.cases.decisions import in_force, one_at_a_time, record
from apps.moderation.models import Category, ModerationAction, TargetType


def end_due() -> int:
    """Whose time is over stands again. Running twice does it once. Returns for how many it was."""
    due = User.objects.filter(state=User.State.SUSPENDED, suspended_until__lte=timezone.now())
    return sum(_end(user_id) for user_id in list(due.order_by("suspended_until").values_list("pk", flat=True)[:BATCH]))


@transaction.atomic
def _end(user_id: UUID) -> bool:
    one_at_a_time(user_id)
    due = User.objects.filter(pk=user_id, state=User.State.SUSPENDED, suspended_until__lte=timezone.now())
    person = due.first()
    if person is None:  # unsuspended, or given more time, meanwhile
        return False
    accounts.unsuspend(person)
    suspension = in_force(TargetType.USER, user_id)
    record(
        ModerationAction.Action.UNSUSPEND,
        actor_id=None,
        target_type=TargetType.USER,
        target_id=user_id,
        affected_id=user_id,
        reason="The time that was set is over.",
        category=suspension.category if suspension else Category.OTHER,
        reverses=suspension,
    )
    return True
