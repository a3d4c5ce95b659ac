"""Erases and exports the user data of this app."""

from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import F, QuerySet
from django.utils import timezone

from apps.accounts import exports, two_factor
from apps.accounts.models import (
    Application,
    Consent,
    DataExport,
    EmailChange,
    EmailedToken,
    Invitation,
    InvitationUse,
    RecoveryCode,
    SecurityEvent,
    Session,
    User,
    WithheldHandle,
)
from apps.core.db.batches import delete_in_batches
from apps.core.models import DeadLetter
from apps.core.privacy import Export


def erase(user_id: UUID) -> None:
    """Erase everything but the row of the account, which other apps' rows refer to. It is deleted last, and with it the
    user's application and with which invitation they joined."""
    exports.destroy(user_id)
    delete_in_batches(EmailedToken.objects.filter(user=user_id))
    delete_in_batches(Consent.objects.filter(user=user_id))
    delete_in_batches(EmailChange.objects.owned_by(user_id))
    delete_in_batches(SecurityEvent.objects.owned_by(user_id))
    delete_in_batches(Session.objects.owned_by(user_id))
    delete_in_batches(Invitation.objects.owned_by(user_id))
    Application.objects.filter(decided_by=user_id).update(decided_by=None)
    WithheldHandle.objects.filter(user=user_id).update(user=None)
    user = User.objects.filter(pk=user_id).first()
    if user:
        two_factor.remove(user)
        # The argument of a password reset whose mail could not be sent.
        DeadLetter.objects.filter(kwargs__email=user.email).delete()
        _withhold_handle(user)


def _withhold_handle(user: User) -> None:
    """Nobody may take over the name of an account that others knew. That of an applicant was never visible."""
    if Application.objects.filter(user=user).exclude(status=Application.Status.APPROVED).exists():
        return
    until = timezone.now() + settings.HANDLE_QUARANTINE
    WithheldHandle.objects.update_or_create(handle=user.handle, defaults={"until": until})


# ── Export ───────────────────────────────────────────────────────────────────────────────────────────────
def export(user_id: UUID) -> Export:
    user = User.objects.filter(pk=user_id).first()
    if user is None:
        return
    yield "account", _export_account(user)
    yield from _export_second_factors(user)
    sessions = Session.objects.owned_by(user_id)
    yield from _rows(
        "sessions",
        sessions,
        *("kind", "device_name", "address", "user_agent", "created_at", "last_seen_at", "ended_at", "end_reason"),
    )
    for consent in Consent.objects.filter(user=user_id).select_related("document").order_by("id").iterator():
        document = consent.document
        yield "consents", {"document": document.kind, "version": document.number, "given_at": consent.given_at}
    mails = EmailedToken.objects.filter(user=user_id)
    yield from _rows("mails", mails, "purpose", "email", "used_at", sent_at="created_at")
    yield from _export_registration(user_id)
    yield from _rows(
        "email_changes",
        EmailChange.objects.owned_by(user_id),
        *("old_email", "new_email", "state"),
        asked_at="created_at",
        revertible_until="revert_until",
    )
    yield from _rows("former_handles", WithheldHandle.objects.filter(user=user_id), "handle", reserved_until="until")
    yield from _rows(
        "security_events",
        SecurityEvent.objects.owned_by(user_id),
        *("kind", "detail", "email", "device_name", "user_agent", "network", "created_at"),
    )
    archives = DataExport.objects.owned_by(user_id)
    yield from _rows("exports", archives, "status", "finished_at", asked_at="created_at")


def _rows(name: str, rows: QuerySet[Any], *fields: str, **renamed: str) -> Export:
    """The rows in the order of their creation, with these fields. `renamed`: {name in the export: field}."""
    columns = {new: F(field) for new, field in renamed.items()}
    for row in rows.order_by("id").values(*fields, **columns).iterator():
        yield name, row


def _export_account(user: User) -> dict[str, Any]:
    return {
        "id": str(user.pk),
        "handle": user.handle,
        "email": user.email,
        "email_verified_at": user.email_verified_at,
        "of_age_at": user.of_age_at,
        "display_name": user.display_name,
        "bio": user.bio,
        "website": user.website,
        "locale": user.locale,
        "time_zone": user.time_zone,
        "avatar": str(user.avatar_id) if user.avatar_id else None,
        "is_private": user.is_private,
        "is_verified": user.is_verified,
        "roles": sorted(user.roles),
        "settings": user.settings,
        "state": user.state,
        "suspended_until": user.suspended_until,
        "suspension_reason": user.suspension_reason,
        "deactivated_at": user.deactivated_at,
        "reach_limited": user.reach_limited,
        "created_at": user.created_at,
        "handle_changed_at": user.handle_changed_at,
    }


def _export_second_factors(user: User) -> Export:
    """Without keys and codes."""
    if device := two_factor.device_of(user):
        yield "two_factor", {"set_up_at": device.created_at, "last_used_at": device.last_used_at}
    yield from _rows("passkeys", user.passkeys.all(), "name", "is_backed_up", "created_at", "last_used_at")
    yield from _rows("recovery_codes", RecoveryCode.objects.filter(user=user), "created_at", "used_at")


def _export_registration(user_id: UUID) -> Export:
    """The application, the invitation with which the user joined, and their own invitations."""
    application = Application.objects.filter(user=user_id)
    yield from _rows("application", application, "reason", "status", "note", "created_at", "decided_at")
    if use := InvitationUse.objects.filter(user=user_id).select_related("invitation").first():
        yield "joined_by", {"invited_by": str(use.invitation.creator_id), "joined_at": use.created_at}
    yield from _rows(
        "invitations",
        Invitation.objects.owned_by(user_id),
        *("code", "by_operator", "max_uses", "uses", "created_at", "expires_at", "revoked_at"),
    )
