"""The read side of posts, above all the one rule for who may see one."""

from typing import Any
from uuid import UUID

from django.apps import apps
from django.db.models import BooleanField, Case, ExpressionWrapper, Q, QuerySet, Value, When

from apps.accounts.querysets import mini_columns
from apps.social.blocks import HidesBlocked
from apps.social.follows import is_followed

STANDING = Q(status="published", taken_down_at__isnull=True, author__state="active")
# The same of the post's own row, for statements of our own; it is also the condition of the index
# `shown_posts_by_author` and of the triggers that note authors' newest posts (feed/migrations/0004).
SHOWN = "status = 'published' AND taken_down_at IS NULL"
OPEN = Q(visibility="public", author__is_private=False)
# STANDING & OPEN, as SQL, of a post that is SHOWN and has just been counted on its author's row, which is locked since.
OPEN_AS_COUNTED = "counted.state = 'active' AND NOT counted.is_private AND counted.visibility = 'public'"
# What others could see and cannot any more, whoever they are: taken down, or by an account that is hidden.
WITHDRAWN = Q(taken_down_at__isnull=False) | ~Q(author__state="active")
# name on a card → where it is. `is_open`: whether everybody may see the post.
CARD = {
    "id": "pk",
    "caption": "caption",
    "visibility": "visibility",
    "status": "status",
    "taken_down_at": "taken_down_at",
    "sensitive": "sensitive",
    "comments_enabled": "comments_enabled",
    "like_count": "like_count",
    "comment_count": "comment_count",
    "created_at": "created_at",
    "edited_at": "edited_at",
    "is_open": "is_open",
    **mini_columns("author"),
}


class PostQuerySet(HidesBlocked):
    def standing(self) -> "PostQuerySet":
        """Published, not taken down, by an account in good standing."""
        return self.filter(STANDING)

    def visible_to(self, viewer_id: UUID | None) -> "PostQuerySet":
        """The one rule. Public posts of public accounts are everybody's, the rest their followers'; one's own posts
        are one's own whatever their state; a block hides both ways; what is not standing is its author's alone."""
        if viewer_id is None:
            return self.filter(STANDING & OPEN)
        theirs = OPEN | Q(is_followed("author_id", viewer_id))
        return self.filter(Q(author=viewer_id) | (STANDING & theirs)).without_hidden(viewer_id)

    def open_to_everybody(self) -> "PostQuerySet":
        """What an anonymous caller sees; only such posts' photos have permanent public URLs."""
        return self.visible_to(None)

    def with_exposure(self) -> "PostQuerySet":
        """`exposure` says of each post whether it is "open" (to everybody), "withdrawn" (from others), or "other"."""
        told: PostQuerySet = self.annotate(
            exposure=Case(
                When(STANDING & OPEN, then=Value("open")),
                When(WITHDRAWN, then=Value("withdrawn")),
                default=Value("other"),
            )
        )
        return told

    def written_by(self, user_id: UUID) -> "PostQuerySet":
        return self.filter(author=user_id)

    def tagged(self, tag: str, *, before: UUID | str | None = None) -> "PostQuerySet":
        """With `tag`. To page by id, name the cursor here as well: it bounds the index that gives a tag's list in
        order, so that no page reads the ones before it.

        The tag is looked up at once: only a plan for that very tag can know whether it is a common one.
        """
        wanted = Q(post_tags__tag__in=list(_rows("Tag").filter(name=tag).values_list("pk", flat=True)))
        tagged: PostQuerySet = self.filter(wanted & Q(post_tags__post__lt=before) if before else wanted)
        return tagged

    def for_cards(self) -> "QuerySet[Any, Any]":
        """What a card shows of the post's own row and its author's, as tuples in the order of `CARD`."""
        is_open = ExpressionWrapper(STANDING & OPEN, output_field=BooleanField())
        shown: QuerySet[Any, Any] = self.annotate(is_open=is_open).values_list(*CARD.values())
        return shown


def _rows(model: str) -> QuerySet[Any]:
    """Of a model of this app, which imports this file."""
    rows: QuerySet[Any] = apps.get_model("content", model)._default_manager.all()
    return rows
