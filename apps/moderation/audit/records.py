"""The record of what staff did in the console besides deciding cases."""

from typing import Any
from uuid import UUID

from django.db.models import Model
from django.utils.translation import gettext_lazy as _

from apps.core.db.ids import moment_of, new_id
from apps.core.errors import Invalid
from apps.core.text import is_blank
from apps.moderation.models import StaffAct


def require_reason(reason: str, *, field: str = "reason") -> None:
    """Raises Invalid, which names `field`, for a blank reason."""
    if is_blank(reason):
        raise Invalid(**{field: ("blank", _("Give a reason."))})


def record_staff_act(act: str, subject: Model, *, by: UUID, reason: str = "", **detail: Any) -> StaffAct:
    """Record that the user `by` did `act` to the row `subject`.

    Call it in the transaction of the act, so that neither exists without the other. `detail` must be JSON.
    """
    row_id = new_id()
    return StaffAct.objects.create(
        id=row_id,
        actor_id=by,
        act=act,
        subject_type=subject._meta.label,
        subject_id=str(subject.pk),
        reason=reason,
        detail=detail,
        created_at=moment_of(row_id),
    )
