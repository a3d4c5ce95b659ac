"""Erases and exports the user data of this app."""

from uuid import UUID

from django.conf import settings
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


def export(user_id: UUID) -> Export:
    user = User.objects.filter(pk=user_id).first()
    if user is None:
        return
    yield (
        "account",
        {
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
        },
    )
    if device := two_factor.device_of(user):
        yield "two_factor", {"set_up_at": device.created_at, "last_used_at": device.last_used_at}
    for passkey in user.passkeys.order_by("id"):
        yield (
            "passkeys",
            {
                "name": passkey.name,
                "is_backed_up": passkey.is_backed_up,
                "created_at": passkey.created_at,
                "last_used_at": passkey.last_used_at,
            },
        )
    for code in RecoveryCode.objects.filter(user=user).order_by("id"):
        yield "recovery_codes", {"created_at": code.created_at, "used_at": code.used_at}
    for session in Session.objects.owned_by(user_id).order_by("id").iterator():
        yield (
            "sessions",
            {
                "kind": session.kind,
                "device_name": session.device_name,
                "address": session.address,
                "user_agent": session.user_agent,
                "created_at": session.created_at,
                "last_seen_at": session.last_seen_at,
                "ended_at": session.ended_at,
                "end_reason": session.end_reason,
            },
        )
    for consent in Consent.objects.filter(user=user_id).select_related("document").order_by("id").iterator():
        document = consent.document
        yield "consents", {"document": document.kind, "version": document.number, "given_at": consent.given_at}
    for token in EmailedToken.objects.filter(user=user_id).order_by("id").iterator():
        yield (
            "mails",
            {"purpose": token.purpose, "email": token.email, "sent_at": token.created_at, "used_at": token.used_at},
        )
    yield from _export_registration(user_id)
    for change in EmailChange.objects.owned_by(user_id).order_by("id").iterator():
        yield (
            "email_changes",
            {
                "old_email": change.old_email,
                "new_email": change.new_email,
                "state": change.state,
                "asked_at": change.created_at,
                "revertible_until": change.revert_until,
            },
        )
    for former in WithheldHandle.objects.filter(user=user_id).order_by("id").iterator():
        yield "former_handles", {"handle": former.handle, "reserved_until": former.until}
    for event in SecurityEvent.objects.owned_by(user_id).order_by("id").iterator():
        yield (
            "security_events",
            {
                "kind": event.kind,
                "detail": event.detail,
                "email": event.email,
                "device_name": event.device_name,
                "user_agent": event.user_agent,
                "network": event.network,
                "created_at": event.created_at,
            },
        )
    for export in DataExport.objects.owned_by(user_id).order_by("id").iterator():
        yield "exports", {"status": export.status, "asked_at": export.created_at, "finished_at": export.finished_at}


def _export_registration(user_id: UUID) -> Export:
    """The application, the invitation with which the user joined, and their own invitations."""
    if application := Application.objects.filter(user=user_id).first():
        yield (
            "application",
            {
                "reason": application.reason,
                "status": application.status,
                "note": application.note,
                "created_at": application.created_at,
                "decided_at": application.decided_at,
            },
        )
    if use := InvitationUse.objects.filter(user=user_id).select_related("invitation").first():
        yield "joined_by", {"invited_by": str(use.invitation.creator_id), "joined_at": use.created_at}
    for invitation in Invitation.objects.owned_by(user_id).order_by("id").iterator():
        yield (
            "invitations",
            {
                "code": invitation.code,
                "max_uses": invitation.max_uses,
                "uses": invitation.uses,
                "created_at": invitation.created_at,
                "expires_at": invitation.expires_at,
                "revoked_at": invitation.revoked_at,
            },
        )
