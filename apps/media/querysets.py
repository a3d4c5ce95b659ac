"""Read rules of media."""

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
        """Media in no post and no avatar, whether their upload is complete or not."""
        return self.filter(in_use=False)

    def postable(self) -> "MediaQuerySet":
        """Media uploaded for a post, not failed and not in use. The pipeline may still be processing them."""
        return self.unused().filter(purpose="post").exclude(status__in=["pending", "failed"])

    def claimable(self, now: datetime) -> "MediaQuerySet":
        """Media that wait for a worker, or whose worker has lost its lease."""
        return self.filter(Q(status="uploaded") | Q(status="processing", leased_until__lt=now))

    def held(self, media_id: UUID, leased_until: datetime | None) -> "MediaQuerySet":
        """The medium, if the lease that ends at `leased_until` is still good; no other ends at that microsecond."""
        return self.filter(pk=media_id, status="processing", leased_until=leased_until)

    def awaiting_public_copies(self) -> "MediaQuerySet":
        return self.filter(status="ready", wanted_public=True, public_secret="")

    def awaiting_new_keys(self) -> "MediaQuerySet":
        return self.filter(status="ready", urls_revoked=True)
