"""Read rules of engagement."""

from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.apps import apps
from django.db.models import Exists, OuterRef, Q, QuerySet

from apps.content.models import Post
from apps.core.db.compiled import CompiledQuery
from apps.core.db.querysets import InsertOrIgnoreQuerySet
from apps.core.errors import NotFound
from apps.social.blocks import HidesBlocked, is_hidden

if TYPE_CHECKING:
    from apps.engagement.models import Comment

# The state of the comment itself.
PUBLISHED = Q(removed_at=None, taken_down_at=None)


class ReactionQuerySet(InsertOrIgnoreQuerySet, HidesBlocked):  # type: ignore[override]  # each has an `as_manager`
    """Likes and saves of posts."""

    person = "user_id"

    def on(self, post_id: UUID) -> "ReactionQuerySet":
        return self.filter(post=post_id)

    def made_by(self, user_id: UUID) -> "ReactionQuerySet":
        """The reactions of a user to posts that this user may see now."""
        return self.filter(
            Exists(Post.objects.visible_to(user_id).filter(pk=OuterRef("post_id"))),
            user=user_id,
        )

    def shown_to(self, viewer_id: UUID) -> "ReactionQuerySet":
        """Reactions of active accounts that no block hides from the viewer."""
        return self.filter(user__state="active").without_hidden(viewer_id)


class CommentQuerySet(HidesBlocked):
    def published(self) -> "CommentQuerySet":
        """Comments that are neither removed nor taken down."""
        return self.filter(PUBLISHED)

    def visible_to(self, viewer_id: UUID | None) -> "CommentQuerySet":
        """Published comments of active accounts that no block hides from the viewer. Whether the viewer may see the
        post is a question to the post."""
        return self.filter(PUBLISHED, author__state="active").without_hidden(viewer_id)

    def readable_by(self, viewer_id: UUID | None, *, is_moderator: bool) -> "CommentQuerySet":
        """Comments that the viewer may read by their id, with visible posts. A moderator may read any comment that is
        not removed."""
        if is_moderator:
            return self.filter(removed_at=None)
        visible_posts = Post.objects.visible_to(viewer_id).filter(pk=OuterRef("post_id"))
        return self.visible_to(viewer_id).filter(Exists(visible_posts))

    def lock_visible(self, comment_id: UUID, *, viewer_id: UUID) -> "Comment":
        """Return the comment, locked until the transaction ends. Raises NotFound if the viewer may not see it or its
        post."""
        for comment in _VISIBLE_LOCKED.instances(viewer=viewer_id, comment=comment_id):
            return comment  # type: ignore[no-any-return]
        raise NotFound

    def listed_for(self, viewer_id: UUID | None) -> "CommentQuerySet":
        """The comments of `visible_to`, and tombstones: comments with replies that are not published any more."""
        tombstones = ~PUBLISHED & Q(reply_count__gt=0)
        hidden = is_hidden("author_id", viewer_id) if viewer_id else Q(pk__in=[])
        return self.filter(tombstones | (PUBLISHED & Q(author__state="active") & ~hidden))

    def on(self, post_id: UUID) -> "CommentQuerySet":
        return self.filter(post=post_id)

    def threads(self) -> "CommentQuerySet":
        """Comments that are not replies."""
        return self.filter(parent__isnull=True)

    def replies_to(self, comment_id: UUID) -> "CommentQuerySet":
        return self.filter(parent=comment_id)


_VISIBLE_LOCKED = CompiledQuery(
    lambda viewer, comment: (
        _comments()
        .readable_by(viewer, is_moderator=False)
        .filter(pk=comment)
        .select_for_update(no_key=True, of=("self",))
    )
)


def _comments() -> Any:
    """All comments. The model imports this file."""
    rows: QuerySet[Any] = apps.get_model("engagement", "Comment")._default_manager.all()
    return rows
