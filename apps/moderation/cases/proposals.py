"""Proposed suspensions: with MODERATION_FOUR_EYES, another moderator confirms or rejects a permanent suspension.

Proposing, confirming and rejecting are recorded as staff acts; the suspension itself is an action of the audit.
"""

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from apps.accounts.models import User
from apps.core.errors import Conflict, Forbidden, Invalid, NotFound
from apps.core.text import is_blank
from apps.moderation import services
from apps.moderation.audit.records import record_staff_act
from apps.moderation.cases import claims
from apps.moderation.cases.decisions import Target, lock_target
from apps.moderation.models import Flag, ModerationAction, SuspensionProposal
from apps.site.models import RuleVersion

Status = SuspensionProposal.Status


class AlreadyProposed(Conflict):
    code, title = "already_proposed", _("A suspension is already proposed; another moderator decides on it.")


class ProposalClosed(Conflict):
    code, title = "proposal_closed", _("The proposal was decided or has expired.")


class OwnProposal(Forbidden):
    code, title = "own_proposal", _("Another moderator must confirm your proposal.")


@transaction.atomic
def propose(
    person: User,
    *,
    by: User,
    reason: str,
    category: str,
    rule: RuleVersion | None = None,
    target: Target | None = None,
) -> SuspensionProposal:
    """Propose a permanent suspension. `target` is the case that it would decide, by default the account itself.

    Raises ModeratorRequired, CannotModerate, AlreadyProposed, Invalid without a reason.
    """
    services.require_authority(by, person.pk)
    require_reason(reason)
    lock_target(person.pk)
    if SuspensionProposal.objects.waiting().filter(person=person).exists():
        raise AlreadyProposed
    now = timezone.now()
    SuspensionProposal.objects.filter(person=person, status=Status.OPEN).update(status=Status.EXPIRED, decided_at=now)
    target = target or Target.of(person)
    made = SuspensionProposal.objects.create(
        person=person,
        target_type=target.type,
        target_id=target.id,
        category=category,
        rule_version=rule,
        reason=reason,
        proposed_by=by,
        expires_at=now + settings.PROPOSAL_LIFETIME,
    )
    record_staff_act("propose_suspension", made, by=by.pk, reason=reason, person=str(person.pk), category=category)
    return made


@transaction.atomic
def confirm(proposal: SuspensionProposal, *, by: User, note: str = "") -> ModerationAction:
    """Suspend the account for the proposed reason and close the reports of the case.

    Raises ModeratorRequired, CannotModerate, OwnProposal, ProposalClosed, CaseClaimed.
    """
    target = Target(proposal.target_type, proposal.target_id, proposal.person_id)
    services.require_authority(by, proposal.person_id)
    lock_target(target.id)
    locked = _waiting(proposal)
    if locked.proposed_by_id == by.pk:
        raise OwnProposal
    claims.require_free(target, by=by)
    action = services.suspend_confirmed(
        locked.person, by=by, reason=locked.reason, category=locked.category, rule=locked.rule_version
    )
    _decide(locked, Status.CONFIRMED, by=by, note=note)
    record_staff_act("confirm_suspension", locked, by=by.pk, reason=note, action=str(action.pk), **_parties(locked))
    services.close_flags(
        target,
        by=by,
        resolution=Flag.Status.RESOLVED,
        note=locked.reason,
        part_of=action.pk,
        ground=locked.category,
    )
    claims.end(target.id)
    return action


@transaction.atomic
def reject(proposal: SuspensionProposal, *, by: User, note: str) -> SuspensionProposal:
    """Reject the proposal; the case stays open. A moderator withdraws their own proposal in this way, too.

    Raises ModeratorRequired, CannotModerate, ProposalClosed, Invalid without a reason.
    """
    services.require_authority(by, proposal.person_id)
    require_reason(note)
    lock_target(proposal.target_id)
    locked = _waiting(proposal)
    _decide(locked, Status.REJECTED, by=by, note=note)
    record_staff_act("reject_suspension", locked, by=by.pk, reason=note, **_parties(locked))
    return locked


def _waiting(proposal: SuspensionProposal) -> SuspensionProposal:
    lock_target(proposal.person_id)
    rows = SuspensionProposal.objects.select_for_update(no_key=True, of=("self",)).select_related("person")
    locked = rows.filter(pk=proposal.pk).first()
    if locked is None:
        raise NotFound
    if locked.status != Status.OPEN or locked.expires_at <= timezone.now():
        raise ProposalClosed
    return locked


def _decide(proposal: SuspensionProposal, status: str, *, by: User, note: str) -> None:
    proposal.status, proposal.note = status, note
    proposal.decided_by, proposal.decided_at = by, timezone.now()
    proposal.save(update_fields=["status", "note", "decided_by", "decided_at"])


def _parties(proposal: SuspensionProposal) -> dict[str, str | None]:
    proposer = str(proposal.proposed_by_id) if proposal.proposed_by_id else None
    return {"person": str(proposal.person_id), "proposed_by": proposer}


# ── Rules of every decision ─────────────────────────────────────────────────────────────
def require_reason(reason: str) -> None:
    """Raises Invalid."""
    if is_blank(reason):
        raise Invalid(reason=("required", _("Give a reason; the affected user or the reporter sees it.")))
