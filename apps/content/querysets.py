"""The read side of posts, above all the one rule for who may see one."""

from uuid import UUID

from django.db.models import BooleanField, Exists, ExpressionWrapper, OuterRef, Q

from apps.social.blocks import HidesBlocked
from apps.social.models import Follow

STANDING = Q(status="published", taken_down_at__isnull=True, author__state="active")
OPEN = Q(visibility="public", author__is_private=False)


class PostQuerySet(HidesBlocked):
    def standing(self) -> "PostQuerySet":
        """Published, not taken down, by an account in good standing."""
        return self.filter(STANDING)

    def visible_to(self, viewer_id: UUID | None) -> "PostQuerySet":
        """The one rule. Public posts of public accounts are everybody's, the rest their followers'; one's own posts
        are one's own whatever their state; a block hides both ways; what is not standing is its author's alone."""
        if viewer_id is None:
            return self.filter(STANDING & OPEN)
        followed = Exists(Follow.objects.filter(follower=viewer_id, followed=OuterRef("author_id")))
        return self.filter(Q(author=viewer_id) | (STANDING & (OPEN | Q(followed)))).without_blocked(viewer_id)

    def open_to_everybody(self) -> "PostQuerySet":
        """What an anonymous caller sees; only such posts' photos have permanent public URLs."""
        return self.visible_to(None)

    def written_by(self, user_id: UUID) -> "PostQuerySet":
        return self.filter(author=user_id)

    def tagged(self, tag: str) -> "PostQuerySet":
        return self.filter(post_tags__tag__name=tag)

    def for_cards(self) -> "PostQuerySet":
        """With all that a card shows, in a fixed number of queries; `is_open` tells whether everybody may see it."""
        return (
            self.annotate(is_open=ExpressionWrapper(STANDING & OPEN, output_field=BooleanField()))
            .select_related("author__avatar")
            .prefetch_related("items__medium", "post_tags__tag", "mentions__user__avatar")
        )
