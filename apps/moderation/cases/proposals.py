"""Four eyes: with MODERATION_FOUR_EYES a suspension for good is proposed by one moderator and decided by another.

Proposing and rejecting are acts of the trail; confirming is one, too, beside the suspension itself in the audit.
"""

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from apps.accounts.models import User
from apps.core.errors import Conflict, Forbidden, Invalid, NotFound
from apps.moderation import services
from apps.moderation.audit import records as trail
from apps.moderation.cases import claims
from apps.moderation.cases.decisions import Target, one_at_a_time
from apps.moderation.models import Flag, ModerationAction, SuspensionProposal

Status = SuspensionProposal.Status


class AlreadyProposed(Conflict):
    code, title = "already_proposed", "That has been proposed; another moderator decides it."


class ProposalClosed(Conflict):
    code, title = "proposal_closed", "That proposal has been decided, or has expired."


class OwnProposal(Forbidden):
    code, title = "own_proposal", "Another moderator than who proposed it confirms it."


@transaction.atomic
def propose(person: User, *, by: User, reason: str, category: str, target: Target | None = None) -> SuspensionProposal:
    """Ask for a second pair of eyes; `target` is the case that the suspension would decide, if it is not the person.

    Raises ModeratorRequired, CannotModerate, AlreadyProposed, Invalid without a reason.
    """
    services.require_authority(by, person.pk)
    require_reason(reason)
    one_at_a_time(person.pk)
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
        reason=reason,
        proposed_by=by,
        expires_at=now + settings.PROPOSAL_LIFETIME,
    )
    trail.note("propose_suspension", made, by=by.pk, reason=reason, person=str(person.pk), category=category)
    return made


@transaction.atomic
def confirm(proposal: SuspensionProposal, *, by: User, note: str = "") -> ModerationAction:
    """Suspend, for the reason that was proposed, and close the reports of the case.

    Raises ModeratorRequired, CannotModerate, OwnProposal, ProposalClosed, CaseClaimed.
    """
    target = Target(proposal.target_type, proposal.target_id, proposal.person_id)
    services.require_authority(by, proposal.person_id)
    one_at_a_time(target.id)
    locked = _waiting(proposal)
    if locked.proposed_by_id == by.pk:
        raise OwnProposal
    claims.require_free(target, by=by)
    action = services.suspend_seconded(locked.person, by=by, reason=locked.reason, category=locked.category)
    _decide(locked, Status.CONFIRMED, by=by, note=note)
    trail.note("confirm_suspension", locked, by=by.pk, reason=note, action=str(action.pk), **_told(locked))
    close_flags(target, by=by, resolution=Flag.Status.RESOLVED, note=locked.reason)
    claims.end(target.id)
    return action


@transaction.atomic
def reject(proposal: SuspensionProposal, *, by: User, note: str) -> SuspensionProposal:
    """Not for good: the case goes on as if nothing had been proposed. Who proposed it may take it back so.

    Raises ModeratorRequired, CannotModerate, ProposalClosed, Invalid without a reason.
    """
    services.require_authority(by, proposal.person_id)
    require_reason(note)
    one_at_a_time(proposal.target_id)
    locked = _waiting(proposal)
    _decide(locked, Status.REJECTED, by=by, note=note)
    trail.note("reject_suspension", locked, by=by.pk, reason=note, **_told(locked))
    return locked


def _waiting(proposal: SuspensionProposal) -> SuspensionProposal:
    one_at_a_time(proposal.person_id)
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


def _told(proposal: SuspensionProposal) -> dict[str, str | None]:
    proposer = str(proposal.proposed_by_id) if proposal.proposed_by_id else None
    return {"person": str(proposal.person_id), "proposed_by": proposer}


# ── What every decision of the desk keeps to ─────────────────────────────────────────────────────────────
def require_reason(reason: str) -> None:
    """Raises Invalid."""
    if not reason.strip():
        raise Invalid(reason=("required", "Say why; whom it hits is told."))


def close_flags(target: Target, *, by: User, resolution: str, note: str) -> int:
    """All open reports of the target, whose decisions the caller has made to wait. Returns how many it was."""
    rows = Flag.objects.open_on([target.id]).filter(target_type=target.type).order_by("id")
    flags = list(rows.select_for_update(no_key=True))
    for flag in flags:
        services.resolve_flag(flag, by=by, resolution=resolution, note=note)
    return len(flags)
