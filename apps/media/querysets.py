"""The read side of media."""

from uuid import UUID

from apps.core.tasks.leased import LeasedJobQuerySet


class MediaQuerySet(LeasedJobQuerySet):
    def owned_by(self, user_id: UUID) -> "MediaQuerySet":
        return self.filter(owner_id=user_id)

    def unused(self) -> "MediaQuerySet":
        """In no post and nobody's avatar: all that has been begun, and perhaps completed, and not been used yet."""
        return self.filter(in_use=False)

    def postable(self) -> "MediaQuerySet":
        """Uploaded for a post, in no use yet, and not failed; the pipeline may still be processing them."""
        return self.unused().filter(purpose="post").exclude(status__in=["pending", "failed"])

    def unprocessed(self) -> "MediaQuerySet":
        """Uploaded, and not through the pipeline."""
        return self.filter(status__in=["uploaded", "processing"])

    def awaiting_public_copies(self) -> "MediaQuerySet":
        return self.filter(status="ready", wanted_public=True, public_secret="")

    def awaiting_new_keys(self) -> "MediaQuerySet":
        return self.filter(status="ready", urls_revoked=True)
