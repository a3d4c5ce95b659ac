"""Erasure and export of a user's media."""

from uuid import UUID

from apps.core.privacy import Export
from apps.media.models import Media, ProcessingTime
from apps.media.services import destroy


def erase(user_id: UUID) -> None:
    """Delete all media of the user. The apps above have deleted the posts by now."""
    while pks := list(Media.objects.owned_by(user_id).values_list("pk", flat=True)[:100]):
        destroy(pks)
    ProcessingTime.objects.filter(owner=user_id).delete()


def export(user_id: UUID) -> Export:
    for medium in Media.objects.owned_by(user_id).order_by("id").iterator():
        yield (
            "media",
            {
                "id": str(medium.pk),
                "status": medium.status,
                "content_type": medium.content_type,
                "bytes": medium.bytes,
                "alt_text": medium.alt_text,
                "created_at": medium.created_at,
                "original": medium.original_key,
            },
        )
