"""The read side of media."""

from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from django.db.models import Q, QuerySet

if TYPE_CHECKING:
    from apps.media.models import Media  # noqa: F401  (a forward reference)


class MediaQuerySet(QuerySet["Media"]):
    def owned_by(self, user_id: UUID) -> "MediaQuerySet":
        return self.filter(owner_id=user_id)

    def unused(self) -> "MediaQuerySet":
        """In no post and nobody's avatar: all that has been begun, and perhaps completed, and not been used yet."""
        return self.filter(in_use=False)

    def postable(self) -> "MediaQuerySet":
        """Uploaded for a post, in no use yet, and not failed; the pipeline may still be processing them."""
        return self.unused().filter(purpose="post").exclude(status__in=["pending", "failed"])

    def claimable(self, now: datetime) -> "MediaQuerySet":
        """Waiting for a worker, or held by one that has died."""
        return self.filter(Q(status="uploaded") | Q(status="processing", leased_until__lt=now))

    def held(self, media_id: UUID, leased_until: datetime | None) -> "MediaQuerySet":
        """The medium, if the lease that ends at `leased_until` is still good; no other ends at that microsecond."""
        return self.filter(pk=media_id, status="processing", leased_until=leased_until)

    def awaiting_public_copies(self) -> "MediaQuerySet":
        return self.filter(status="ready", wanted_public=True, public_secret="")

    def awaiting_new_keys(self) -> "MediaQuerySet":
        return self.filter(status="ready", urls_revoked=True)
