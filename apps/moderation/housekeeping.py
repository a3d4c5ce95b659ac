"""Deletes old rows."""

from django.conf import settings
from django.utils import timezone

from apps.core.db.batches import BatchRunner, delete_in_batches
from apps.core.db.ids import first_id_at
from apps.moderation.models import TeamNote


def purge_team_notes(runner: BatchRunner | None = None) -> int:
    """Delete team notes after TEAM_NOTE_LIFETIME. Returns how many there were."""
    return delete_in_batches(
        TeamNote.objects.filter(pk__lt=first_id_at(timezone.now() - settings.TEAM_NOTE_LIFETIME)), runner
    )
