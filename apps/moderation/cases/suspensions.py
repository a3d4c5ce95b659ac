"""The end of suspensions."""

from uuid import UUID

from django.db import transaction
from django.utils import timezone

from apps.accounts import services as accounts
from apps.accounts.models import User
from apps.core.db.batches import BATCH
from apps.moderation.cases.decisions import in_force, lock_target, record
from apps.moderation.models import Category, ModerationAction, TargetType


def end_due() -> int:
    """End the suspensions whose time is over. Idempotent. Returns the number of suspensions ended."""
    due = User.objects.filter(state=User.State.SUSPENDED, suspended_until__lte=timezone.now())
    return sum(_end(user_id) for user_id in list(due.order_by("suspended_until").values_list("pk", flat=True)[:BATCH]))


@transaction.atomic
def _end(user_id: UUID) -> bool:
    lock_target(user_id)
    due = User.objects.filter(pk=user_id, state=User.State.SUSPENDED, suspended_until__lte=timezone.now())
    person = due.first()
    if person is None:  # unsuspended, or extended meanwhile
        return False
    accounts.unsuspend(person)
    suspension = in_force(ModerationAction.Action.SUSPEND, TargetType.USER, user_id)
    record(
        ModerationAction.Action.UNSUSPEND,
        actor_id=None,
        target_type=TargetType.USER,
        target_id=user_id,
        affected_id=user_id,
        reason="The period of the suspension is over.",
        category=suspension.category if suspension else Category.OTHER,
        reverses=suspension,
    )
    return True
