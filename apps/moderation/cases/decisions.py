"""Actions: their record in the audit, and their effect on the target."""

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Q

from apps.accounts import services as accounts
from apps.accounts.models import User
from apps.content import services as content
from apps.content.models import Post
from apps.core.db.ids import moment_of, new_id
from apps.core.db.locks import transaction_lock
from apps.core.errors import NotFound
from apps.core.tasks.leased import first_sweep_at
from apps.core.tasks.outbox import enqueue
from apps.engagement import comments as engagement
from apps.engagement.models import Comment
from apps.moderation.events import action_taken
from apps.moderation.models import MEASURES, ModerationAction, Statement, TargetType
from apps.site.models import RuleVersion

Action = ModerationAction.Action
# Sent by task name: importing tasks.py here would be a cycle.
SEND_STATEMENT = "apps.moderation.tasks.send_statement"


@dataclass(frozen=True)
class Target:
    """A user, a post or a comment, and the user who owns it."""

    type: str
    id: UUID
    person_id: UUID

    @classmethod
    def of(cls, row: User | Post | Comment) -> "Target":
        """Raises NotFound for a comment that its author has removed."""
        match row:
            case User():
                return cls(TargetType.USER, row.pk, row.pk)
            case Post():
                return cls(TargetType.POST, row.pk, row.author_id)
        if row.author_id is None:  # removed by its author
            raise NotFound
        return cls(TargetType.COMMENT, row.pk, row.author_id)


def lock_target(target_id: UUID) -> None:
    """Let other decisions on the target wait until the end of the transaction.

    Call it before a row is locked, so that it is the first lock in every transaction.
    """
    transaction_lock(f"moderation:{target_id}")


def in_force(measure: str, target_type: str, target_id: UUID) -> ModerationAction | None:
    """The newest measure of this kind in force on the target."""
    actions = ModerationAction.objects.on(target_type, target_id).in_force()
    return actions.filter(action=measure).order_by("-id").first()


def is_in_force(action: ModerationAction) -> bool:
    return ModerationAction.objects.in_force().filter(pk=action.pk).exists()


def last_reversal(measure: str, target_type: str, target_id: UUID) -> ModerationAction | None:
    """The last action that ended a measure of this kind on the target."""
    actions = ModerationAction.objects.on(target_type, target_id).exclude(action=measure)
    ended = Q(action=MEASURES[Action(measure)]) | Q(reverses__action=measure)
    return actions.filter(ended).order_by("-id").first()


def find_row(target_type: str, target_id: UUID) -> User | Post | Comment | None:
    """The target of an action or a case, if it still exists."""
    models: dict[str, Any] = {TargetType.USER: User, TargetType.POST: Post, TargetType.COMMENT: Comment}
    row: User | Post | Comment | None = models[target_type].objects.filter(pk=target_id).first()
    return row


def undo(action: ModerationAction) -> None:
    """End the effect of a measure on its target, if it still exists. A warning has none."""
    row = find_row(action.target_type, action.target_id)
    with suppress(NotFound):  # deleted meanwhile
        match action.action, row:
            case Action.SUSPEND, User():
                accounts.unsuspend(row)
            case Action.TAKEDOWN, Post():
                content.restore(row)
            case Action.TAKEDOWN, Comment():
                engagement.restore_comment(row)
            case Action.MARK_SENSITIVE, Post():
                content.unmark_sensitive(row)
            case Action.LIMIT_REACH, Post():
                content.set_reach(row, limited=False)
            case Action.LIMIT_REACH, User():
                accounts.set_reach(row, limited=False)


def record(
    action: str,
    *,
    actor_id: UUID | None,
    target_type: str,
    target_id: UUID,
    affected_id: UUID | None,
    reason: str,
    category: str,
    until: datetime | None = None,
    reverses: ModerationAction | None = None,
    case_id: UUID | None = None,
    part_of: UUID | None = None,
    mail_now: bool = True,
    rule: RuleVersion | None = None,
) -> ModerationAction:
    """Record an action in its transaction, and send the affected user a statement of reasons.

    `rule` is the one that was broken, if it is named. `part_of` is the first action of the same decision, if this is
    not the first one. Without `mail_now` the caller enqueues the mail later, for several actions together; if it does
    not, the sweep does.
    """
    pk = new_id()
    made = ModerationAction.objects.create(
        id=pk,
        created_at=moment_of(pk),
        actor_id=actor_id,
        action=action,
        target_type=target_type,
        target_id=target_id,
        affected_id=affected_id,
        case_id=case_id,
        reason=reason,
        category=category,
        rule_version=rule,
        until=until,
        reverses=reverses,
        part_of_id=part_of,
    )
    if affected_id:
        Statement.objects.create(action=made, user_id=affected_id, next_attempt_at=first_sweep_at())
        if mail_now:
            enqueue(SEND_STATEMENT, kwargs={"action_id": str(pk)})
        action_taken.publish(action_id=str(pk))
    return made


def record_on(action: str, target: Target, *, by: User, **more: Any) -> ModerationAction:
    """As `record`, of an action of a moderator on a target, which affects its owner."""
    return record(
        action,
        actor_id=by.pk,
        target_type=target.type,
        target_id=target.id,
        affected_id=target.person_id,
        **more,
    )
