"""The read side of media."""

from typing import TYPE_CHECKING
from uuid import UUID

from django.db.models import QuerySet

if TYPE_CHECKING:
    from apps.media.models import Media  # noqa: F401  (a forward reference)


class MediaQuerySet(QuerySet["Media"]):
    def owned_by(self, user_id: UUID) -> "MediaQuerySet":
        return self.filter(owner_id=user_id)
