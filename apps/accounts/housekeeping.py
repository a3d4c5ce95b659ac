"""Rows that have outlived their use."""

from datetime import timedelta

from django.db.models import Q
from django.utils import timezone

from apps.accounts.models import DataExport, EmailedToken, Session, WithheldHandle
from apps.core.batches import delete_in_batches

# An ended session is kept a while: a refresh token presented again must still be recognised as reused.
ENDED_SESSIONS_KEPT = timedelta(days=30)
# Longer than EXPORT_INTERVAL, which turns on the last one.
FINISHED_EXPORTS_KEPT = timedelta(days=30)


def purge_sessions() -> int:
    long_ago = timezone.now() - ENDED_SESSIONS_KEPT
    return delete_in_batches(Session.objects.filter(Q(expires_at__lt=long_ago) | Q(ended_at__lt=long_ago)))


def purge_emailed_tokens() -> int:
    return delete_in_batches(EmailedToken.objects.filter(expires_at__lt=timezone.now()))


def release_handles() -> int:
    return delete_in_batches(WithheldHandle.objects.filter(until__lt=timezone.now()))


def purge_exports() -> int:
    """Only of archives that are gone: the row of one that is kept is what remembers its object."""
    gone = [DataExport.Status.EXPIRED, DataExport.Status.FAILED]
    old = DataExport.objects.filter(status__in=gone, finished_at__lt=timezone.now() - FINISHED_EXPORTS_KEPT)
    return delete_in_batches(old)
