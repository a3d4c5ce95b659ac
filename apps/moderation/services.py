"""Write operations of moderation: reports, takedowns, suspensions and appeals.

Each decision writes its row of the audit in the same transaction.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import NotRequired, TypedDict, Unpack, cast
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from apps.accounts import services as accounts
from apps.accounts.models import User
from apps.content import services as content
from apps.content.models import Post
from apps.core.errors import BadRequest, Conflict, Forbidden, Invalid, NotFound
from apps.engagement import comments as engagement
from apps.engagement.models import Comment
from apps.moderation.appeals import objections
from apps.moderation.cases.decisions import (
    Target,
    in_force,
    is_in_force,
    last_reversal,
    lock_target,
    record,
    record_on,
    undo,
)
from apps.moderation.events import appeal_decided, flag_made, report_decided
from apps.moderation.models import MEASURES, Appeal, Category, Flag, ModerationAction, TargetType
from apps.moderation.roles import CannotModerate, require_higher_rank
from apps.site.models import RuleVersion

Action = ModerationAction.Action
# A longer suspension counts as permanent.
MAX_TEMPORARY_SUSPENSION = timedelta(days=366)


class CannotFlagSelf(BadRequest):
    code, title = "cannot_flag_self", _("You cannot report yourself.")


class ModeratorRequired(Forbidden):
    code, title = "moderator_required", _("Only moderators may do that.")


class NothingToUndo(Conflict):
    code, title = "nothing_to_undo", _("There is no such measure to undo.")


class FlagClosed(Conflict):
    code, title = "flag_closed", _("This report was closed with another resolution.")


class NotAppealable(Conflict):
    code, title = "not_appealable", _("Only a measure that is in force can be appealed.")


class AlreadyAppealed(Conflict):
    code, title = "already_appealed", _("This action was already appealed.")


class AppealDecided(Conflict):
    code, title = "appeal_decided", _("This appeal was decided otherwise.")


class SecondPairOfEyesRequired(Conflict):
    code, title = "second_pair_of_eyes_required", _("A permanent suspension needs a second moderator: propose it.")


class OwnDecision(Forbidden):
    code, title = "own_decision", _("The moderator who took the action cannot decide its appeal.")


# ── Reports ──────────────────────────────────────────────────────────────────────────────────────────────
@transaction.atomic
def flag(
    row: User | Post | Comment, *, by: UUID, category: str, note: str = "", rule: RuleVersion | None = None
) -> tuple[Flag, bool]:
    """Report a user, a post or a comment. Returns the report and whether it is new. `rule`: the one that it breaks.

    While a report of the same user is open, it is returned again. Raises CannotFlagSelf, also for own content.
    """
    target = Target.of(row)
    if target.person_id == by:
        raise CannotFlagSelf
    made, first = Flag.objects.get_or_create(
        reporter_id=by,
        target_type=target.type,
        target_id=target.id,
        status=Flag.Status.OPEN,
        defaults={"subject_id": target.person_id, "category": category, "note": note, "rule_version": rule},
    )
    if first:
        flag_made.publish(flag_id=str(made.pk))
    return made, first


@transaction.atomic
def resolve_flag(flag: Flag, *, by: User, resolution: str, note: str = "") -> Flag:
    """Close a report as "resolved" or "dismissed". Idempotent. The reporter sees the note.

    Raises ModeratorRequired, CannotModerate, FlagClosed.
    """
    require_moderator(by)
    if flag.subject_id:
        require_authority(by, flag.subject_id)
    locked = Flag.objects.select_for_update(no_key=True).filter(pk=flag.pk).first()
    if locked is None:
        raise NotFound
    if locked.status == resolution:
        return locked
    if locked.status != Flag.Status.OPEN:
        raise FlagClosed
    _close(locked, by=by, resolution=resolution, note=note, explanation=note)
    return locked


@transaction.atomic
def close_flags(
    target: Target, *, by: User, resolution: str, note: str, part_of: UUID | None = None, ground: str = ""
) -> int:
    """Close all open reports of the target, which the caller has locked. Returns their number.

    `part_of` is the first action of the decision that closes them, and `ground` its category, which reporters learn;
    without one, they see the note. Raises ModeratorRequired, CannotModerate.
    """
    require_authority(by, target.person_id)
    explanation = "" if part_of else note
    rows = Flag.objects.open_on([target.id]).filter(target_type=target.type).order_by("id")
    flags = list(rows.select_for_update(no_key=True))
    for flag in flags:
        action = _close(
            flag, by=by, resolution=resolution, note=note, part_of=part_of, ground=ground, explanation=explanation
        )
        part_of = part_of or action.pk
    return len(flags)


def _close(
    flag: Flag,
    *,
    by: User,
    resolution: str,
    note: str,
    part_of: UUID | None = None,
    ground: str = "",
    explanation: str = "",
) -> ModerationAction:
    """Close a locked open report, and notify the reporter of the outcome."""
    flag.status, flag.resolution_note = resolution, note
    flag.resolved_by, flag.resolved_at = by, timezone.now()
    flag.ground, flag.explanation = ground, explanation
    flag.save(update_fields=["status", "resolution_note", "resolved_by", "resolved_at", "ground", "explanation"])
    action = record(
        Action.RESOLVE_FLAG if resolution == Flag.Status.RESOLVED else Action.DISMISS_FLAG,
        actor_id=by.pk,
        target_type=flag.target_type,
        # Only closed reports are without one.
        target_id=cast(UUID, flag.target_id),
        affected_id=None,
        case_id=flag.pk,
        reason=note,
        category=flag.category,
        part_of=part_of,
    )
    if flag.reporter_id:
        report_decided.publish(action_id=str(action.pk))
    return action


# ── Measures ─────────────────────────────────────────────────────────────────────────────────────────────
class Grounds(TypedDict):
    """Who takes a measure, and why. `rule` and `mail_now` as in `decisions.record`."""

    by: User
    reason: str
    category: str
    rule: NotRequired[RuleVersion | None]
    mail_now: NotRequired[bool]


@transaction.atomic
def take_measure(
    measure: str, target: Target, apply: Callable[[], object], **grounds: Unpack[Grounds]
) -> ModerationAction:
    """Apply a measure and record it. Idempotent: returns the measure of this kind that is in force, if there is one.

    Raises ModeratorRequired, CannotModerate, and the errors of `apply`.
    """
    require_authority(grounds["by"], target.person_id)
    lock_target(target.id)
    apply()
    return in_force(measure, target.type, target.id) or record_on(measure, target, **grounds)


# ── Takedowns ────────────────────────────────────────────────────────────────────────────────────────────
def take_down_post(post: Post, **grounds: Unpack[Grounds]) -> ModerationAction:
    """Hide a post from everyone but its author and moderators. Idempotent: returns the first action.

    Raises ModeratorRequired, CannotModerate, NotFound if the post is deleted.
    """
    return take_measure(Action.TAKEDOWN, Target.of(post), lambda: content.take_down(post), **grounds)


def restore_post(post: Post, *, by: User, reason: str = "") -> ModerationAction:
    """Undo a takedown. Idempotent. Raises ModeratorRequired, CannotModerate, NothingToUndo, NotFound."""
    return _restore(Target.of(post), Action.TAKEDOWN, lambda: content.restore(post), by=by, reason=reason)


def take_down_comment(comment: Comment, **grounds: Unpack[Grounds]) -> ModerationAction:
    """As `take_down_post`."""
    return take_measure(Action.TAKEDOWN, Target.of(comment), lambda: engagement.take_down_comment(comment), **grounds)


def take_down_instead_of_removing(comment: Comment, *, by: User) -> None:
    """Take down a comment that a moderator deletes and that is neither theirs nor on their post.

    So the decision is in the audit, its author receives a statement of reasons, and can appeal. Raises
    ModeratorRequired, CannotModerate, NotFound if it is taken down already.
    """
    if comment.taken_down_at:
        raise NotFound
    take_down_comment(comment, by=by, reason="Deleted by a moderator.", category=Category.OTHER)


def restore_comment(comment: Comment, *, by: User, reason: str = "") -> ModerationAction:
    """As `restore_post`."""
    target = Target.of(comment)
    return _restore(target, Action.TAKEDOWN, lambda: engagement.restore_comment(comment), by=by, reason=reason)


# ── Suspensions ──────────────────────────────────────────────────────────────────────────────────────────
def suspend(person: User, *, until: datetime | None = None, **grounds: Unpack[Grounds]) -> ModerationAction:
    """Revoke all sessions of an account and hide its content, until `until` or `unsuspend`.

    Idempotent; with another reason or end, a new action replaces the former one.

    Raises ModeratorRequired, CannotModerate, Invalid if `until` is past, SecondPairOfEyesRequired.
    """
    return _suspend(person, until=until, confirmed=not needs_second_moderator(until), **grounds)


def suspend_confirmed(person: User, **grounds: Unpack[Grounds]) -> ModerationAction:
    """Permanently suspend an account as another moderator proposed (`proposals.py`). Raises as `suspend`."""
    return _suspend(person, until=None, confirmed=True, **grounds)


def needs_second_moderator(until: datetime | None) -> bool:
    """Whether a suspension until then is permanent and has to be confirmed by another moderator."""
    return settings.MODERATION_FOUR_EYES and (until is None or until > timezone.now() + MAX_TEMPORARY_SUSPENSION)


@transaction.atomic
def _suspend(person: User, *, until: datetime | None, confirmed: bool, **grounds: Unpack[Grounds]) -> ModerationAction:
    require_authority(grounds["by"], person.pk)
    if until and until <= timezone.now():
        raise Invalid(until=("in_the_past", _("Must be in the future.")))
    lock_target(person.pk)
    former = in_force(Action.SUSPEND, TargetType.USER, person.pk)
    if former and (former.reason, former.category, former.until) == (grounds["reason"], grounds["category"], until):
        return former
    if not confirmed:
        raise SecondPairOfEyesRequired
    accounts.suspend(person, reason=grounds["reason"], until=until)
    return record_on(Action.SUSPEND, Target.of(person), until=until, reverses=former, **grounds)


def unsuspend(person: User, *, by: User, reason: str = "") -> ModerationAction:
    """End a suspension. Idempotent. Raises ModeratorRequired, CannotModerate, NothingToUndo."""
    return _restore(Target.of(person), Action.SUSPEND, lambda: accounts.unsuspend(person), by=by, reason=reason)


@transaction.atomic
def _restore(target: Target, measure: str, restore: Callable[[], bool], *, by: User, reason: str) -> ModerationAction:
    require_authority(by, target.person_id)
    lock_target(target.id)
    undone = in_force(measure, target.type, target.id)
    changed = restore()
    if undone is None and not changed:
        former = last_reversal(measure, target.type, target.id)
        if former is None:
            raise NothingToUndo
        return former
    return record_on(
        MEASURES[Action(measure)],
        target,
        by=by,
        reason=reason,
        category=undone.category if undone else Category.OTHER,
        reverses=undone,
    )


# ── Appeals ──────────────────────────────────────────────────────────────────────────────────────────────
@transaction.atomic
def appeal(action: ModerationAction, *, by: UUID, text: str) -> Appeal:
    """Appeal an action as the affected user, at most once.

    Raises NotFound for other users and for deleted accounts, AlreadyAppealed, NotAppealable.
    """
    if action.affected_id != by or not User.objects.filter(pk=by).exists():
        raise NotFound
    lock_target(action.target_id)
    if Appeal.objects.filter(action=action).exists():
        raise AlreadyAppealed
    if not is_in_force(action):
        raise NotAppealable
    return Appeal.objects.create(action=action, appellant_id=by, text=text)


@transaction.atomic
def decide_appeal(appeal: Appeal, *, by: User, overturn: bool, note: str = "") -> Appeal:
    """Uphold the action, or overturn it and undo it if it is still in force. Idempotent.

    The moderator who took the action cannot decide. To overturn the dismissal of a report opens the report again.

    Raises ModeratorRequired, CannotModerate, OwnDecision, AppealDecided.
    """
    require_authority(by, objections.find_person(appeal))
    require_another_decider(appeal, by=by)
    lock_target(appeal.action.target_id)
    locked = Appeal.objects.select_for_update(no_key=True).filter(pk=appeal.pk).first()
    if locked is None:
        raise NotFound
    decision = Appeal.Status.OVERTURNED if overturn else Appeal.Status.UPHELD
    if locked.status == decision:
        return locked
    if locked.status != Appeal.Status.OPEN:
        raise AppealDecided
    locked.status, locked.note = decision, note
    locked.decided_by, locked.decided_at = by, timezone.now()
    locked.save(update_fields=["status", "note", "decided_by", "decided_at"])
    _record_decision(locked, by=by, reverses=_reverse(locked) if overturn else None)
    return locked


def _reverse(appeal: Appeal) -> ModerationAction | None:
    """Open the dismissed report again, or undo the measure. Returns the measure if it was still in force."""
    if objections.is_objection(appeal):
        objections.reopen(appeal)
        return None
    if not is_in_force(appeal.action):
        return None
    undo(appeal.action)
    return appeal.action


def _record_decision(appeal: Appeal, *, by: User, reverses: ModerationAction | None) -> None:
    """Record the decision on an appeal, and notify the appellant."""
    action, by_reporter = appeal.action, objections.is_objection(appeal)
    decided = record(
        Action.OVERTURN_APPEAL if appeal.status == Appeal.Status.OVERTURNED else Action.UPHOLD_APPEAL,
        actor_id=by.pk,
        target_type=action.target_type,
        target_id=action.target_id,
        # A reporter receives no statement of reasons, and the audit does not name them.
        affected_id=None if by_reporter else appeal.appellant_id,
        case_id=appeal.pk,
        reason=appeal.note,
        category=action.category,
        reverses=reverses,
    )
    appeal_decided.publish(appeal_id=str(appeal.pk))
    if by_reporter:
        report_decided.publish(action_id=str(decided.pk))


# ── Authority ────────────────────────────────────────────────────────────────────────────────────────────
def require_moderator(by: User) -> None:
    """Raises ModeratorRequired."""
    if not by.is_moderator:
        raise ModeratorRequired


def require_another_decider(appeal: Appeal, *, by: User) -> None:
    """Raises OwnDecision for the moderator who took the action, CannotModerate for the appellant."""
    if appeal.action.actor_id == by.pk:
        raise OwnDecision
    if appeal.appellant_id == by.pk:
        raise CannotModerate


def require_authority(by: User, person_id: UUID) -> None:
    """Check that `by` may decide about the person. Raises ModeratorRequired, CannotModerate."""
    require_moderator(by)
    if by.pk == person_id:
        raise CannotModerate
    if person := User.objects.filter(pk=person_id).first():
        require_higher_rank(by, person)
