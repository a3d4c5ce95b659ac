"""Decisions on cases: one at a time, many at once, and undoing an action.

They call `services.py`, which writes the audit, and close the reports in the same transaction.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Unpack
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from apps.accounts.models import User
from apps.content.models import Post
from apps.core.errors import Conflict, DomainError, Invalid, NotFound
from apps.core.tasks.outbox import enqueue
from apps.engagement.models import Comment
from apps.moderation import services
from apps.moderation.cases import claims, measures, proposals
from apps.moderation.cases.decisions import SEND_STATEMENT, Target, find_row, is_in_force, lock_target
from apps.moderation.cases.proposals import require_reason
from apps.moderation.models import Decision, Flag, ModerationAction, SuspensionProposal, TargetType
from apps.moderation.services import Grounds
from apps.site.models import RuleVersion

Action = ModerationAction.Action
# (decision, type of the target) → the measure on content.
_CONTENT_MEASURES: dict[tuple[str, str], Callable[..., ModerationAction]] = {
    (Decision.TAKE_DOWN, TargetType.POST): services.take_down_post,
    (Decision.TAKE_DOWN, TargetType.COMMENT): services.take_down_comment,
    (Decision.MARK_SENSITIVE, TargetType.POST): measures.mark_sensitive,
    (Decision.LIMIT_POST, TargetType.POST): measures.limit_post,
}
# The measures on the owner of any target, besides suspensions.
_ACCOUNT_MEASURES: dict[str, Callable[..., ModerationAction]] = {
    Decision.LIMIT_ACCOUNT: measures.limit_account,
    Decision.WARN: measures.warn,
}
# The decisions about content, whose statements of reasons are sent together after a bulk decision.
ON_CONTENT = frozenset(decision for decision, _type in _CONTENT_MEASURES)
# The decisions that only close reports.
ON_REPORTS = frozenset({Decision.DISMISS, Decision.RESOLVE})
# Cases in one bulk decision, so that the response arrives in time.
MAX_AT_ONCE = 500


class CaseDecided(Conflict):
    code, title = "case_decided", _("This case was decided in the meantime.")


@dataclass(frozen=True)
class Outcome:
    """The result of a decision: an action, a proposal that another moderator must confirm, or only closed reports."""

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
    rule: RuleVersion | None = None,
    until: datetime | None = None,
    reported: bool = False,
    part_of: UUID | None = None,
    mail_now: bool = True,
) -> Outcome:
    """Take a measure on the target or its owner, dismiss the reports or resolve them; and close all open reports of it.

    "resolve" means that an earlier action was sufficient. `reported`: the moderator has seen open reports, so the case
    must not have been decided since. A permanent suspension that needs two moderators is only proposed; its reports
    stay open. `part_of` is the first action of the decision if closing these reports is a part of one. `rule` and
    `mail_now` as in `decisions.record`, the latter for measures on posts and comments.

    Raises the errors of the services, CaseClaimed, CaseDecided, Invalid without a reason, and NotFound if the target is
    deleted.
    """
    services.require_authority(by, target.person_id)
    require_reason(reason)
    lock_target(target.id)
    claims.require_free(target, by=by)
    idle = not Flag.objects.open_on([target.id]).exists()
    if idle and (reported or decision in ON_REPORTS):
        raise CaseDecided
    if decision == Decision.SUSPEND and services.needs_second_moderator(until):
        proposal = proposals.propose(_person(target), by=by, reason=reason, category=category, rule=rule, target=target)
        claims.release(target, by=by)
        return Outcome(proposal=proposal)
    grounds: Grounds = {
        "by": by,
        "reason": reason,
        "category": category,
        "rule": rule,
        "mail_now": mail_now or decision not in ON_CONTENT,
    }
    action = None if decision in ON_REPORTS else _act(target, decision, until=until, **grounds)
    resolution = Flag.Status.DISMISSED if decision == Decision.DISMISS else Flag.Status.RESOLVED
    first = action.pk if action else part_of
    closed = services.close_flags(
        target, by=by, resolution=resolution, note=reason, part_of=first, ground=category if first else ""
    )
    claims.end(target.id)
    return Outcome(action=action, closed=closed)


def _act(target: Target, decision: str, *, until: datetime | None, **grounds: Unpack[Grounds]) -> ModerationAction:
    """Take the measure of the decision. Raises Invalid if it is not possible for the target."""
    if decision == Decision.SUSPEND:
        return services.suspend(_person(target), until=until, **grounds)
    if on_account := _ACCOUNT_MEASURES.get(decision):
        return on_account(_person(target), **grounds)
    if on_content := _CONTENT_MEASURES.get((decision, target.type)):
        return on_content(_found(find_row(target.type, target.id)), **grounds)
    raise Invalid(decision=("invalid", _("This decision is not possible for the target.")))


def _person(target: Target) -> User:
    person: User = _found(User.objects.filter(pk=target.person_id).first())
    return person


def _found(row: Any) -> Any:
    if row is None:
        raise NotFound(_("The target is deleted."))
    return row


@dataclass
class Sweep:
    """The result of a bulk decision."""

    done: int = 0
    closed: int = 0
    proposed: int = 0
    refused: list[tuple[Target, DomainError]] = field(default_factory=list)

    def decide(self, target: Target, **decision: Any) -> Outcome:
        """Call `decide_case`, and count the result. If it is refused, nothing is decided."""
        try:
            outcome = decide_case(target, **decision)
        except DomainError as refusal:
            self.refused.append((target, refusal))
            return Outcome()
        self.done += outcome.proposal is None
        self.proposed += outcome.proposal is not None
        self.closed += outcome.closed
        return outcome


def decide_many(
    targets: Iterable[Target],
    *,
    by: User,
    decision: str,
    reason: str,
    category: str = "",
    rule: RuleVersion | None = None,
    until: datetime | None = None,
    close_others: bool = False,
) -> Sweep:
    """Decide each case with `decide_case`, in a transaction of its own. A refused case does not stop the others. Each
    affected person receives one mail, and one warning for all of their cases.

    `close_others`: each suspension closes the other reports about the account, too. Raises Invalid for more than
    MAX_AT_ONCE, or without a reason.
    """
    targets = list(dict.fromkeys(targets))
    require_reason(reason)
    if len(targets) > MAX_AT_ONCE:
        raise Invalid(targets=("too_many", _("At most {most} at once.").format(most=MAX_AT_ONCE)))
    sweep = Sweep()
    # A mail of each person, with the statements of reasons of all measures on content (`appeals/statements.py`).
    mails: dict[UUID, UUID] = {}
    warnings: dict[UUID, UUID] = {}
    for target in targets:
        warning = warnings.get(target.person_id)
        action = sweep.decide(
            target,
            by=by,
            decision=Decision.RESOLVE if warning else decision,
            reason=reason,
            category=category,
            rule=rule,
            until=until,
            part_of=warning,
            mail_now=False,
        ).action
        if action is None:
            continue
        if decision in ON_CONTENT:
            mails.setdefault(target.person_id, action.pk)
        if decision == Decision.WARN:
            warnings[target.person_id] = action.pk
        if close_others:
            sweep.closed += close_other_reports(action, by=by).closed
    for action_id in mails.values():
        enqueue(SEND_STATEMENT, kwargs={"action_id": str(action_id)})
    return sweep


def close_other_reports(suspension: ModerationAction, *, by: User) -> Sweep:
    """Close the open reports about a suspended account and about its posts and comments, as parts of the suspension.

    The statement of reasons of the suspension is the only one. Each case is closed in a transaction of its own, at most
    MAX_AT_ONCE; one that another moderator works on is refused.
    """
    person_id = suspension.target_id
    rows = Flag.objects.open().filter(subject=person_id).order_by("target_type", "target_id")
    places = rows.values_list("target_type", "target_id").distinct()[:MAX_AT_ONCE]
    sweep = Sweep()
    for target in [Target(kind, pk, person_id) for kind, pk in places if pk]:
        sweep.decide(
            target,
            by=by,
            decision=Decision.RESOLVE,
            reason=suspension.reason,
            category=suspension.category,
            part_of=suspension.pk,
        )
    return sweep


def undo(action: ModerationAction, *, by: User, reason: str) -> ModerationAction:
    """Undo a measure by an action that reverses it.

    Raises the errors of the services, NothingToUndo if the action is not in force, Invalid without a reason.
    """
    require_reason(reason)
    if not is_in_force(action):
        raise services.NothingToUndo(_("The action is not in force any more."))
    row = _found(find_row(action.target_type, action.target_id))
    match action.action, row:
        case Action.SUSPEND, User():
            return services.unsuspend(row, by=by, reason=reason)
        case Action.TAKEDOWN, Post():
            return services.restore_post(row, by=by, reason=reason)
        case Action.TAKEDOWN, Comment():
            return services.restore_comment(row, by=by, reason=reason)
    return measures.lift(action, by=by, reason=reason)
