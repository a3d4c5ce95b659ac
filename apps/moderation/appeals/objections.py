"""Objections of reporters to the dismissal of their report: an appeal against the action that dismissed it.

Another moderator decides it with the appeals. If the dismissal is overturned, the report is open again and its case
returns to the queue. There is one objection for each report, also if the report is dismissed again.
"""

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import cast
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from apps.core.errors import Conflict, NotFound
from apps.moderation.appeals.statements import APPEAL_LIFETIME
from apps.moderation.models import Appeal, Flag, ModerationAction


class NotObjectable(Conflict):
    code, title = "not_objectable", _("You can object to the dismissal of a report only, within six months.")


class AlreadyObjected(Conflict):
    code, title = "already_objected", _("You have already objected to the decision about this report.")


def get_period_end(flag: Flag) -> datetime | None:
    """Until when the reporter can object; None while the report is open. Article 20(1) requires six months."""
    return flag.resolved_at + APPEAL_LIFETIME if flag.resolved_at else None


def can_object(flag: Flag, objection: Appeal | None) -> bool:
    """Whether the reporter can object now. `objection`: the former one, if any."""
    end = get_period_end(flag)
    if flag.status != Flag.Status.DISMISSED or flag.subject_id is None or end is None:
        return False
    return objection is None and timezone.now() < end


def get_objections(flag_ids: Collection[UUID], *, by: UUID) -> dict[UUID, Appeal]:
    """{report: the objection of this reporter}."""
    # The own appeals are few, and found by an index; there is none by the case of an action.
    appeals = Appeal.objects.filter(appellant=by, action__case_id__in=flag_ids).select_related("action")
    return {appeal.action.case_id: appeal for appeal in appeals if appeal.action.case_id}


@transaction.atomic
def object_to(flag: Flag, *, by: UUID, text: str) -> Appeal:
    """Object to the dismissal of an own report, at most once.

    Raises NotFound for the reports of others, AlreadyObjected, NotObjectable.
    """
    # The lock lets a second objection at the same time wait, and find the first.
    locked = Flag.objects.select_for_update(no_key=True).filter(pk=flag.pk, reporter=by).first()
    if locked is None:
        raise NotFound
    objection = get_objections([locked.pk], by=by).get(locked.pk)
    if objection:
        raise AlreadyObjected
    dismissal = _find_dismissal(locked)
    if dismissal is None or not can_object(locked, objection):
        raise NotObjectable
    return Appeal.objects.create(action=dismissal, appellant_id=by, text=text)


def _find_dismissal(flag: Flag) -> ModerationAction | None:
    if flag.target_id is None:
        return None
    actions = ModerationAction.objects.on(flag.target_type, flag.target_id)
    return actions.filter(action=ModerationAction.Action.DISMISS_FLAG, case_id=flag.pk).order_by("-id").first()


# ── The decision on an objection ─────────────────────────────────────────────────────────────────────────
def is_objection(appeal: Appeal) -> bool:
    """Whether a reporter made the appeal, not the affected user."""
    return appeal.action.action == ModerationAction.Action.DISMISS_FLAG


def find_reports(appeals: Iterable[Appeal]) -> dict[UUID, Flag]:
    """{objection: its report with the subject}."""
    reports = {appeal.action.case_id: appeal.pk for appeal in appeals if is_objection(appeal) and appeal.action.case_id}
    flags = Flag.objects.select_related("subject").filter(pk__in=reports)
    return {reports[flag.pk]: flag for flag in flags}


def find_person(appeal: Appeal) -> UUID:
    """The account that the decision on the appeal is about: the appellant, or the subject of the report."""
    if not is_objection(appeal):
        return appeal.appellant_id
    flag = find_reports([appeal]).get(appeal.pk)
    return (flag and flag.subject_id) or appeal.action.target_id


def reopen(appeal: Appeal) -> None:
    """Open the report again. It stays closed if its subject is erased, or if the reporter has an open report of the
    same target."""
    dismissed = Flag.objects.select_for_update(no_key=True).filter(status=Flag.Status.DISMISSED, subject__isnull=False)
    flag = dismissed.filter(pk=cast(UUID, appeal.action.case_id)).first()
    if flag is None:
        return
    flag.status, flag.resolved_by, flag.resolved_at = Flag.Status.OPEN, None, None
    flag.resolution_note = flag.explanation = flag.ground = ""
    try:
        with transaction.atomic():
            flag.save(
                update_fields=["status", "resolved_by", "resolved_at", "resolution_note", "explanation", "ground"]
            )
    except IntegrityError:  # one_open_flag_per_reporter_and_target
        return
