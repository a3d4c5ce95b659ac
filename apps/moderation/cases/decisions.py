"""Actions: their record in the audit, and their effect on the target."""

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
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
from apps.moderation.models import ModerationAction, Statement, TargetType

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


def in_force(target_type: str, target_id: UUID) -> ModerationAction | None:
    """The takedown or suspension in force on the target."""
    return ModerationAction.objects.on(target_type, target_id).in_force().order_by("-id").first()


def last_reversal(target_type: str, target_id: UUID) -> ModerationAction | None:
    """The last action that restored the target."""
    actions = ModerationAction.objects.on(target_type, target_id).exclude(action=ModerationAction.Action.SUSPEND)
    return actions.filter(Q(action__in=["restore", "unsuspend"]) | Q(reverses__isnull=False)).order_by("-id").first()


def undo(action: ModerationAction) -> None:
    """Restore the target of a takedown or suspension, if it still exists."""
    match action.target_type:
        case TargetType.USER:
            if person := User.objects.filter(pk=action.target_id).first():
                accounts.unsuspend(person)
        case TargetType.POST:
            if post := Post.objects.filter(pk=action.target_id).first():
                with suppress(NotFound):  # deleted meanwhile
                    content.restore(post)
        case TargetType.COMMENT:
            if comment := Comment.objects.filter(pk=action.target_id).first():
                with suppress(NotFound):
                    engagement.restore_comment(comment)


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
) -> ModerationAction:
    """Record an action in its transaction, and send the affected user a statement of reasons.

    `part_of` is the first action of the same decision, if this is not the first one. Without `mail_now` the caller
    enqueues the mail later, for several actions together; if it does not, the sweep does.
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
