"""The read side of posts, above all the one rule for who may see one."""

from uuid import UUID

from django.db.models import Exists, OuterRef, Q

from apps.social.blocks import HidesBlocked
from apps.social.models import Follow


class PostQuerySet(HidesBlocked):
    def standing(self) -> "PostQuerySet":
        """Published, not taken down, by an account in good standing."""
        return self.filter(status="published", taken_down_at__isnull=True, author__state="active")

    def visible_to(self, viewer_id: UUID | None) -> "PostQuerySet":
        """The one rule. Public posts of public accounts are everybody's, the rest their followers'; one's own posts
        are one's own whatever their state; a block hides both ways; what is not standing is its author's alone."""
        open_to_all = Q(visibility="public", author__is_private=False)
        if viewer_id is None:
            return self.standing().filter(open_to_all)
        followed = Exists(Follow.objects.filter(follower=viewer_id, followed=OuterRef("author_id")))
        others = Q(status="published", taken_down_at__isnull=True, author__state="active") & (open_to_all | Q(followed))
        return self.filter(Q(author=viewer_id) | others).without_blocked(viewer_id)

    def open_to_everybody(self) -> "PostQuerySet":
        """What an anonymous caller sees; only such posts' photos have permanent public URLs."""
        return self.visible_to(None)

    def written_by(self, user_id: UUID) -> "PostQuerySet":
        return self.filter(author=user_id)
