"""The verbs of moderation: report, take down, suspend, undo, close, appeal, decide; and what they refuse.

Each writes its row of the audit in the transaction in which it takes effect.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from apps.accounts import services as accounts
from apps.accounts.models import User
from apps.content import services as content
from apps.content.models import Post
from apps.core.errors import BadRequest, Conflict, Forbidden, Invalid, NotFound
from apps.engagement import comments as engagement
from apps.engagement.models import Comment
from apps.moderation.cases.decisions import Target, in_force, last_reversal, one_at_a_time, record, undo
from apps.moderation.events import appeal_decided, flag_made
from apps.moderation.models import Appeal, Category, Flag, ModerationAction, TargetType

Action = ModerationAction.Action
# A suspension beyond it is one for good, whatever date it names.
LONGEST_ALONE = timedelta(days=366)


class CannotFlagSelf(BadRequest):
    code, title = "cannot_flag_self", "You cannot report yourself."


class ModeratorRequired(Forbidden):
    code, title = "moderator_required", "Only moderators may do that."


class CannotModerate(Forbidden):
    code, title = "cannot_moderate", "Moderators act neither on admins nor on themselves."


class NothingToUndo(Conflict):
    code, title = "nothing_to_undo", "It is neither taken down nor suspended, and never was."


class FlagClosed(Conflict):
    code, title = "flag_closed", "That flag is closed, with another resolution."


class NotAppealable(Conflict):
    code, title = "not_appealable", "Only a takedown or a suspension that is in force can be appealed."


class AlreadyAppealed(Conflict):
    code, title = "already_appealed", "That action has been appealed."


class AppealDecided(Conflict):
    code, title = "appeal_decided", "That appeal has been decided, the other way."


class SecondPairOfEyesRequired(Conflict):
    code, title = "second_pair_of_eyes_required", "A suspension for good takes two: propose it, and another confirms."


class OwnDecision(Forbidden):
    code, title = "own_decision", "Somebody else than who took the action decides the appeal."


# ── Reports ──────────────────────────────────────────────────────────────────────────────────────────────
@transaction.atomic
def flag(row: User | Post | Comment, *, by: UUID, category: str, note: str = "") -> tuple[Flag, bool]:
    """`by` reports it: the flag, and whether it is new. While it is open, reporting again is that same flag.

    Raises CannotFlagSelf, also for what one has written oneself.
    """
    target = Target.of(row)
    if target.person_id == by:
        raise CannotFlagSelf
    made, first = Flag.objects.get_or_create(
        reporter_id=by,
        target_type=target.type,
        target_id=target.id,
        status=Flag.Status.OPEN,
        defaults={"subject_id": target.person_id, "category": category, "note": note},
    )
    if first:
        flag_made.publish(flag_id=str(made.pk))
    return made, first


@transaction.atomic
def resolve_flag(flag: Flag, *, by: User, resolution: str, note: str = "") -> Flag:
    """Close it, "resolved" or "dismissed"; again with the same resolution is no change.

    Raises ModeratorRequired, CannotModerate, FlagClosed.
    """
    require_authority(by, flag.subject_id)
    locked = Flag.objects.select_for_update(no_key=True).filter(pk=flag.pk).first()
    if locked is None:
        raise NotFound
    if locked.status == resolution:
        return locked
    if locked.status != Flag.Status.OPEN:
        raise FlagClosed
    locked.status, locked.resolution_note = resolution, note
    locked.resolved_by, locked.resolved_at = by, timezone.now()
    locked.save(update_fields=["status", "resolution_note", "resolved_by", "resolved_at"])
    record(
        Action.RESOLVE_FLAG if resolution == Flag.Status.RESOLVED else Action.DISMISS_FLAG,
        actor_id=by.pk,
        target_type=locked.target_type,
        target_id=locked.target_id,
        affected_id=None,
        case_id=locked.pk,
        reason=note,
        category=locked.category,
    )
    return locked


# ── Takedowns ────────────────────────────────────────────────────────────────────────────────────────────
def take_down_post(post: Post, *, by: User, reason: str, category: str) -> ModerationAction:
    """Gone for everybody but its author and moderators. Twice is once: the action is the first one.

    Raises ModeratorRequired, CannotModerate, NotFound once the post is deleted.
    """
    return _take_down(Target.of(post), lambda: content.take_down(post), by=by, reason=reason, category=category)


def restore_post(post: Post, *, by: User, reason: str = "") -> ModerationAction:
    """The post is what it was. Twice is once. Raises ModeratorRequired, CannotModerate, NothingToUndo, NotFound."""
    return _bring_back(Target.of(post), Action.RESTORE, lambda: content.restore(post), by=by, reason=reason)


def take_down_comment(comment: Comment, *, by: User, reason: str, category: str) -> ModerationAction:
    """As `take_down_post`."""
    target = Target.of(comment)
    return _take_down(target, lambda: engagement.take_down_comment(comment), by=by, reason=reason, category=category)


def take_down_instead_of_removing(comment: Comment, *, by: User) -> None:
    """What a moderator deletes who is neither its author nor the post's is taken down, so that it is written down,
    told, and open to an appeal like whatever else moderators do.

    Raises ModeratorRequired, CannotModerate, NotFound once it is gone.
    """
    if comment.taken_down_at:
        raise NotFound
    take_down_comment(comment, by=by, reason="Deleted by a moderator.", category=Category.OTHER)


def restore_comment(comment: Comment, *, by: User, reason: str = "") -> ModerationAction:
    """As `restore_post`."""
    target = Target.of(comment)
    return _bring_back(target, Action.RESTORE, lambda: engagement.restore_comment(comment), by=by, reason=reason)


@transaction.atomic
def _take_down(
    target: Target, withdraw: Callable[[], object], *, by: User, reason: str, category: str
) -> ModerationAction:
    require_authority(by, target.person_id)
    one_at_a_time(target.id)
    withdraw()
    return in_force(target.type, target.id) or record(
        Action.TAKEDOWN,
        actor_id=by.pk,
        target_type=target.type,
        target_id=target.id,
        affected_id=target.person_id,
        reason=reason,
        category=category,
    )


# ── Suspensions ──────────────────────────────────────────────────────────────────────────────────────────
def suspend(person: User, *, by: User, reason: str, category: str, until: datetime | None = None) -> ModerationAction:
    """Every token stops working at once and the content is hidden, until `until` or `unsuspend`. The same once more is
    the same action; for another reason or time it is a new one, which replaces the former.

    Raises ModeratorRequired, CannotModerate, Invalid for an end that is past, SecondPairOfEyesRequired.
    """
    return _suspend(person, by=by, reason=reason, category=category, until=until, seconded=not takes_two(until))


def suspend_seconded(person: User, *, by: User, reason: str, category: str) -> ModerationAction:
    """For good: what another moderator has proposed, and `by` confirms (`proposals.py`). Raises as `suspend`."""
    return _suspend(person, by=by, reason=reason, category=category, until=None, seconded=True)


def takes_two(until: datetime | None) -> bool:
    """Whether a suspension until then is for good, and one moderator alone may not."""
    return settings.MODERATION_FOUR_EYES and (until is None or until > timezone.now() + LONGEST_ALONE)


@transaction.atomic
def _suspend(
    person: User, *, by: User, reason: str, category: str, until: datetime | None, seconded: bool
) -> ModerationAction:
    require_authority(by, person.pk)
    if until and until <= timezone.now():
        raise Invalid(until=("in_the_past", "A moment to come."))
    one_at_a_time(person.pk)
    former = in_force(TargetType.USER, person.pk)
    if former and (former.reason, former.category, former.until) == (reason, category, until):
        return former
    if not seconded:
        raise SecondPairOfEyesRequired
    accounts.suspend(person, reason=reason, until=until)
    return record(
        Action.SUSPEND,
        actor_id=by.pk,
        target_type=TargetType.USER,
        target_id=person.pk,
        affected_id=person.pk,
        reason=reason,
        category=category,
        until=until,
        reverses=former,
    )


def unsuspend(person: User, *, by: User, reason: str = "") -> ModerationAction:
    """All of it comes back. Twice is once. Raises ModeratorRequired, CannotModerate, NothingToUndo."""
    return _bring_back(Target.of(person), Action.UNSUSPEND, lambda: accounts.unsuspend(person), by=by, reason=reason)


@transaction.atomic
def _bring_back(
    target: Target, action: str, bring_back: Callable[[], bool], *, by: User, reason: str
) -> ModerationAction:
    require_authority(by, target.person_id)
    one_at_a_time(target.id)
    undone = in_force(target.type, target.id)
    changed = bring_back()
    if undone is None and not changed:
        former = last_reversal(target.type, target.id)
        if former is None:
            raise NothingToUndo
        return former
    return record(
        action,
        actor_id=by.pk,
        target_type=target.type,
        target_id=target.id,
        affected_id=target.person_id,
        reason=reason,
        category=undone.category if undone else Category.OTHER,
        reverses=undone,
    )


# ── Appeals ──────────────────────────────────────────────────────────────────────────────────────────────
@transaction.atomic
def appeal(action: ModerationAction, *, by: UUID, text: str) -> Appeal:
    """Whom it hit objects, once. Raises NotFound for everybody else, and once they are gone; AlreadyAppealed,
    NotAppealable."""
    if action.affected_id != by or not User.objects.filter(pk=by).exists():
        raise NotFound
    one_at_a_time(action.target_id)
    if Appeal.objects.filter(action=action).exists():
        raise AlreadyAppealed
    if not ModerationAction.objects.in_force().filter(pk=action.pk).exists():
        raise NotAppealable
    return Appeal.objects.create(action=action, appellant_id=by, text=text)


@transaction.atomic
def decide_appeal(appeal: Appeal, *, by: User, overturn: bool, note: str = "") -> Appeal:
    """Somebody else than who took the action upholds it, or overturns it and brings back what it had hidden (unless
    that has happened already). Again the same way is no change.

    Raises ModeratorRequired, CannotModerate, OwnDecision, AppealDecided.
    """
    action = appeal.action
    require_authority(by, appeal.appellant_id)
    require_another_decider(appeal, by=by)
    one_at_a_time(action.target_id)
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
    ended = overturn and in_force(action.target_type, action.target_id) == action
    if ended:
        undo(action)
    record(
        Action.OVERTURN_APPEAL if overturn else Action.UPHOLD_APPEAL,
        actor_id=by.pk,
        target_type=action.target_type,
        target_id=action.target_id,
        affected_id=locked.appellant_id,
        case_id=locked.pk,
        reason=note,
        category=action.category,
        reverses=action if ended else None,
    )
    appeal_decided.publish(appeal_id=str(locked.pk))
    return locked


# ── Authority ────────────────────────────────────────────────────────────────────────────────────────────
def require_moderator(by: User) -> None:
    """Raises ModeratorRequired."""
    if not by.is_moderator:
        raise ModeratorRequired


def require_another_decider(appeal: Appeal, *, by: User) -> None:
    """Neither who took the action decides, nor whom it hit. Raises OwnDecision, CannotModerate."""
    if appeal.action.actor_id == by.pk:
        raise OwnDecision
    if appeal.appellant_id == by.pk:
        raise CannotModerate


def require_authority(by: User, person_id: UUID) -> None:
    """Whether `by` may decide on what is that person's. Raises ModeratorRequired, CannotModerate."""
    require_moderator(by)
    if by.pk == person_id:
        raise CannotModerate
    person = User.objects.filter(pk=person_id).first()
    if person and "admin" in person.roles and "admin" not in by.roles:
        raise CannotModerate
