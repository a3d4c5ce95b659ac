"""The verbs of the desk: decide a case with a reason, many at once, and undo what was decided.

Each calls the verbs of `services.py`, which write the audit, and closes the reports in the same transaction.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import transaction

from apps.accounts.models import User
from apps.content.models import Post
from apps.core.errors import Conflict, Invalid, NotFound, Refusal
from apps.engagement.models import Comment
from apps.moderation import services
from apps.moderation.cases import claims, proposals
from apps.moderation.cases.decisions import Target, one_at_a_time
from apps.moderation.cases.proposals import close_flags, require_reason
from apps.moderation.models import Decision, Flag, ModerationAction, SuspensionProposal, TargetType

# One confirmation hits no more than that, so that it ends while somebody waits for it.
MOST_AT_ONCE = 500


class CaseDecided(Conflict):
    code, title = "case_decided", "Somebody has decided that case meanwhile."


@dataclass(frozen=True)
class Outcome:
    """What was done: the action, if it is one; or the proposal that waits for another moderator."""

    action: ModerationAction | None = None
    proposal: SuspensionProposal | None = None
    closed: int = 0


@transaction.atomic
def decide_case(
    target: Target,
    *,
    by: User,
    decision: str,
    reason: str,
    category: str = "",
    until: datetime | None = None,
    reported: bool = False,
) -> Outcome:
    """Take it down, or suspend whose it is, or neither ("dismiss", or "resolve": something was done before); and close
    all open reports of it, which ends the claim. `reported`: `by` has seen open reports and decides on them.

    A suspension for good that takes two is proposed; the reports stay open until it is decided. Raises what the verbs
    raise, CaseClaimed, CaseDecided, Invalid without a reason, NotFound for what is gone.
    """
    services.require_authority(by, target.person_id)
    require_reason(reason)
    one_at_a_time(target.id)
    claims.require_free(target, by=by)
    idle = not Flag.objects.open_on([target.id]).exists()
    if idle and (reported or decision in {Decision.DISMISS, Decision.RESOLVE}):
        raise CaseDecided
    if decision == Decision.SUSPEND and services.takes_two(until):
        proposal = proposals.propose(_person(target), by=by, reason=reason, category=category, target=target)
        claims.release(target, by=by)
        return Outcome(proposal=proposal)
    action = _act(target, by=by, decision=decision, reason=reason, category=category, until=until)
    resolution = Flag.Status.DISMISSED if decision == Decision.DISMISS else Flag.Status.RESOLVED
    closed = close_flags(target, by=by, resolution=resolution, note=reason)
    claims.end(target.id)
    return Outcome(action=action, closed=closed)


def _act(
    target: Target, *, by: User, decision: str, reason: str, category: str, until: datetime | None
) -> ModerationAction | None:
    grounds: dict[str, Any] = {"by": by, "reason": reason, "category": category}
    match decision, target.type:
        case Decision.TAKE_DOWN, TargetType.POST:
            return services.take_down_post(_found(Post.objects.filter(pk=target.id).first()), **grounds)
        case Decision.TAKE_DOWN, TargetType.COMMENT:
            return services.take_down_comment(_found(Comment.objects.filter(pk=target.id).first()), **grounds)
        case Decision.SUSPEND, _:
            return services.suspend(_person(target), until=until, **grounds)
        case ((Decision.DISMISS | Decision.RESOLVE), _):
            return None
    raise Invalid(decision=("invalid", "That cannot be done to it."))


def _person(target: Target) -> User:
    person: User = _found(User.objects.filter(pk=target.person_id).first())
    return person


def _found(row: Any) -> Any:
    if row is None:
        raise NotFound("It is gone.")
    return row


@dataclass
class Sweep:
    """What a bulk act did, and what it was refused."""

    done: int = 0
    closed: int = 0
    proposed: int = 0
    refused: list[tuple[Target, Refusal]] = field(default_factory=list)


def decide_many(
    targets: Iterable[Target],
    *,
    by: User,
    decision: str,
    reason: str,
    category: str = "",
    until: datetime | None = None,
) -> Sweep:
    """Each as `decide_case`, in a transaction and with an audit row of its own; what is refused holds up no other.

    Raises Invalid for more than MOST_AT_ONCE, or without a reason.
    """
    targets = list(dict.fromkeys(targets))
    require_reason(reason)
    if len(targets) > MOST_AT_ONCE:
        raise Invalid(targets=("too_many", f"At most {MOST_AT_ONCE} at once."))
    sweep = Sweep()
    for target in targets:
        try:
            outcome = decide_case(target, by=by, decision=decision, reason=reason, category=category, until=until)
        except Refusal as refusal:
            sweep.refused.append((target, refusal))
            continue
        sweep.done += outcome.proposal is None
        sweep.proposed += outcome.proposal is not None
        sweep.closed += outcome.closed
    return sweep


def undo(action: ModerationAction, *, by: User, reason: str) -> ModerationAction:
    """Bring back what the takedown or suspension has hidden, by an action that reverses it.

    Raises what the verbs raise, NothingToUndo for what is not in force (any more), Invalid without a reason.
    """
    require_reason(reason)
    row = _reversible(action)
    match row:
        case User():
            return services.unsuspend(row, by=by, reason=reason)
        case Post():
            return services.restore_post(row, by=by, reason=reason)
    return services.restore_comment(row, by=by, reason=reason)


def _reversible(action: ModerationAction) -> User | Post | Comment:
    if not ModerationAction.objects.in_force().filter(pk=action.pk).exists():
        raise services.NothingToUndo("That is not in force any more.")
    models: dict[str, Any] = {TargetType.USER: User, TargetType.POST: Post, TargetType.COMMENT: Comment}
    row: User | Post | Comment = _found(models[action.target_type].objects.filter(pk=action.target_id).first())
    return row
