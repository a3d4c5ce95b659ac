"""Read rules of media."""

from uuid import UUID

from apps.core.tasks.leased import LeasedJobQuerySet


class MediaQuerySet(LeasedJobQuerySet):
    def owned_by(self, user_id: UUID) -> "MediaQuerySet":
        return self.filter(owner_id=user_id)

    def unused(self) -> "MediaQuerySet":
        """Media in no post and no avatar, whether their upload is complete or not."""
        return self.filter(in_use=False)

    def postable(self) -> "MediaQuerySet":
        """Media uploaded for a post, not failed and not in use. The pipeline may still be processing them."""
        return self.unused().filter(purpose="post").exclude(status__in=["pending", "failed"])

    def unprocessed(self) -> "MediaQuerySet":
        """Uploaded, and not through the pipeline."""
        return self.filter(status__in=["uploaded", "processing"])

    def awaiting_public_copies(self) -> "MediaQuerySet":
        return self.filter(status="ready", wanted_public=True, public_secret="")

    def awaiting_new_keys(self) -> "MediaQuerySet":
        return self.filter(status="ready", urls_revoked=True)
