"""Erasure and export of user data."""

from typing import Any
from uuid import UUID

from django.db.models import Q
from django.utils import timezone

from apps.core.db.batches import delete_in_batches
from apps.core.privacy import Export
from apps.moderation.models import (
    Appeal,
    Claim,
    Digest,
    Flag,
    ModerationAction,
    Statement,
    SuspensionProposal,
    TargetType,
    TeamNote,
)


def erase(user_id: UUID) -> None:
    """Delete their appeals, statements, proposals and team notes about them, and reports about them without a reporter.

    Other reports about the user stay without a reference to them, so that the reporters read the outcome; open ones are
    closed. Reports by the user, and their decisions, proposals and notes as a moderator, stay without a reference to
    them. The audit does not change: it contains only ids and the reasons of the operator's decisions.
    """
    about = Flag.objects.filter(subject=user_id)
    delete_in_batches(about.filter(reporter=None))
    about.open().update(status=Flag.Status.OBSOLETE, resolved_at=timezone.now())
    about.filter(target_type=TargetType.USER).update(target_id=None)
    about.update(subject=None)
    delete_in_batches(Appeal.objects.filter(appellant=user_id))
    delete_in_batches(Statement.objects.filter(user=user_id))
    delete_in_batches(SuspensionProposal.objects.filter(person=user_id))
    delete_in_batches(TeamNote.objects.filter(person=user_id))
    TeamNote.objects.filter(author=user_id).update(author=None)
    Digest.objects.filter(moderator=user_id).delete()
    delete_in_batches(Claim.objects.filter(Q(moderator=user_id) | Q(target_id=user_id)))
    SuspensionProposal.objects.filter(proposed_by=user_id).update(proposed_by=None)
    SuspensionProposal.objects.filter(decided_by=user_id).update(decided_by=None)
    delete_in_batches(Flag.objects.filter(reporter=user_id, subject=None))
    Flag.objects.filter(reporter=user_id).update(reporter=None)
    Flag.objects.filter(resolved_by=user_id).update(resolved_by=None)
    Appeal.objects.filter(decided_by=user_id).update(decided_by=None)


def export(user_id: UUID) -> Export:
    """Reports by the user, decisions and team notes about them, and their appeals and objections, without reporters and
    moderators.

    Article 15 of the GDPR covers notes about a person, too.
    """
    for flag in Flag.objects.filter(reporter=user_id).order_by("id").iterator():
        yield "flags", _export_report(flag)
    for action in ModerationAction.objects.filter(affected_id=user_id).order_by("id").iterator():
        yield "moderation_actions", _export_action(action)
    for appeal in Appeal.objects.filter(appellant=user_id).order_by("id").iterator():
        yield "appeals", _export_appeal(appeal)
    for note in TeamNote.objects.filter(person=user_id).order_by("id").iterator():
        yield "team_notes", {"text": note.text, "created_at": note.created_at}
    for digest in Digest.objects.filter(moderator=user_id):
        setting = {"frequency": digest.frequency, "reports": digest.reports, "appeals": digest.appeals}
        yield "moderation_digest", setting


def _export_report(flag: Flag) -> dict[str, Any]:
    return {
        "target_type": flag.target_type,
        "target_id": str(flag.target_id) if flag.target_id else None,
        "category": flag.category,
        "note": flag.note,
        "status": flag.status,
        "ground": flag.ground,
        "explanation": flag.explanation,
        "created_at": flag.created_at,
        "decided_at": flag.resolved_at,
    }


def _export_action(action: ModerationAction) -> dict[str, Any]:
    return {
        "id": str(action.pk),
        "action": action.action,
        "target_type": action.target_type,
        "target_id": str(action.target_id),
        "reason": action.reason,
        "category": action.category,
        "until": action.until,
        "created_at": action.created_at,
    }


def _export_appeal(appeal: Appeal) -> dict[str, Any]:
    return {
        "action": str(appeal.action_id),
        "text": appeal.text,
        "status": appeal.status,
        "note": appeal.note,
        "created_at": appeal.created_at,
        "decided_at": appeal.decided_at,
    }
