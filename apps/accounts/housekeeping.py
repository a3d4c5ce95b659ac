"""Deletes expired rows."""

from datetime import timedelta

from django.contrib.sessions.models import Session as ConsoleSession
from django.db.models import Q, QuerySet
from django.utils import timezone

from apps.accounts.models import (
    DataExport,
    EmailChange,
    EmailedToken,
    Invitation,
    SecurityEvent,
    Session,
    SpentChallenge,
    WithheldHandle,
)
from apps.core.db.batches import BatchRunner, delete_in_batches

# An ended session is kept, so that a refresh token that is presented again is recognised as reused.
ENDED_SESSIONS_KEPT = timedelta(days=30)
# Longer than EXPORT_INTERVAL, which is measured from the last export.
FINISHED_EXPORTS_KEPT = timedelta(days=30)
# Until then the people who joined with an invitation count in the quota of the member who invited them.
ENDED_INVITATIONS_KEPT = timedelta(days=90)
# Longer than EMAIL_CONFIRM_LIFETIME and EMAIL_REVERT_LIFETIME together.
EMAIL_CHANGES_KEPT = timedelta(days=90)
SECURITY_EVENTS_KEPT = timedelta(days=90)


def ended_sessions() -> QuerySet[Session]:
    long_ago = timezone.now() - ENDED_SESSIONS_KEPT
    return Session.objects.filter(Q(expires_at__lt=long_ago) | Q(ended_at__lt=long_ago))


def purge_sessions(runner: BatchRunner | None = None) -> int:
    return delete_in_batches(ended_sessions(), runner)


def expired_console_sessions() -> QuerySet[ConsoleSession]:
    return ConsoleSession.objects.filter(expire_date__lt=timezone.now())


def purge_console_sessions(runner: BatchRunner | None = None) -> int:
    return delete_in_batches(expired_console_sessions(), runner)


def expired_emailed_tokens() -> QuerySet[EmailedToken]:
    return EmailedToken.objects.filter(expires_at__lt=timezone.now())


def purge_emailed_tokens(runner: BatchRunner | None = None) -> int:
    return delete_in_batches(expired_emailed_tokens(), runner)


def purge_invitations(runner: BatchRunner | None = None) -> int:
    """Delete invitations that expired or were revoked long ago, and with them who was invited by whom."""
    long_ago = timezone.now() - ENDED_INVITATIONS_KEPT
    ended = Invitation.objects.filter(Q(expires_at__lt=long_ago) | Q(revoked_at__lt=long_ago))
    return delete_in_batches(ended, runner)


def purge_spent_challenges(runner: BatchRunner | None = None) -> int:
    return delete_in_batches(SpentChallenge.objects.filter(expires_at__lt=timezone.now()), runner)


def purge_email_changes(runner: BatchRunner | None = None) -> int:
    return delete_in_batches(EmailChange.objects.filter(created_at__lt=timezone.now() - EMAIL_CHANGES_KEPT), runner)


def purge_security_events(runner: BatchRunner | None = None) -> int:
    return delete_in_batches(SecurityEvent.objects.filter(created_at__lt=timezone.now() - SECURITY_EVENTS_KEPT), runner)


def release_handles(runner: BatchRunner | None = None) -> int:
    return delete_in_batches(WithheldHandle.objects.filter(until__lt=timezone.now()), runner)


def purge_exports(runner: BatchRunner | None = None) -> int:
    """Delete old rows without an archive. The row of a stored archive is needed to delete its object."""
    finished = [DataExport.Status.EXPIRED, DataExport.Status.FAILED]
    old = DataExport.objects.filter(status__in=finished, finished_at__lt=timezone.now() - FINISHED_EXPORTS_KEPT)
    return delete_in_batches(old, runner)
