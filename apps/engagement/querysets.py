"""The read side of engagement."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.apps import apps
from django.db import connection
from django.db.models import Exists, OuterRef, Prefetch, Q, QuerySet

from apps.content.models import Post
from apps.social.blocks import HidesBlocked, between

STANDING = Q(removed_at=None, taken_down_at=None)


class CommentQuerySet(HidesBlocked):
    def standing(self) -> "CommentQuerySet":
        """Neither removed nor taken down."""
        return self.filter(STANDING)

    def visible_to(self, viewer_id: UUID | None) -> "CommentQuerySet":
        """Those that stand, by people in good standing without a block either way. Whether the post may be seen is
        asked of the post."""
        return self.filter(STANDING, author__state="active").without_blocked(viewer_id)

    def listed_for(self, viewer_id: UUID | None) -> "CommentQuerySet":
        """As `visible_to`, and of what does not stand the tombstones that hold replies."""
        tombstones = ~STANDING & Q(reply_count__gt=0)
        hidden = between("author_id", viewer_id) if viewer_id else Q(pk__in=[])
        return self.filter(tombstones | (STANDING & Q(author__state="active") & ~hidden))

    def on(self, post_id: UUID) -> "CommentQuerySet":
        return self.filter(post=post_id)

    def threads(self) -> "CommentQuerySet":
        return self.filter(parent__isnull=True)

    def replies_to(self, comment_id: UUID) -> "CommentQuerySet":
        return self.filter(parent=comment_id)

    def for_cards(self) -> "CommentQuerySet":
        """With all that a card shows, in two queries."""
        mentions = apps.get_model("engagement", "CommentMention")._default_manager.all()
        shown: CommentQuerySet = self.select_related("author__avatar").prefetch_related(
            Prefetch("mentions", mentions.select_related("user__avatar").order_by("offset"))
        )
        return shown


def likes_of(post_id: UUID, *, seen_by: UUID) -> QuerySet[Any]:
    """Likes of the post, with who made them: people in good standing, without a block either way."""
    likes = apps.get_model("engagement", "Like")._default_manager.filter(post=post_id, user__state="active")
    return likes.exclude(between("user_id", seen_by)).select_related("user__avatar")


def liked_by(viewer_id: UUID) -> QuerySet[Any]:
    """One's own likes of posts that one may see."""
    return _of_visible_posts("Like", viewer_id)


def saved_by(viewer_id: UUID) -> QuerySet[Any]:
    return _of_visible_posts("Save", viewer_id)


def _of_visible_posts(model: str, viewer_id: UUID) -> QuerySet[Any]:
    rows: QuerySet[Any] = apps.get_model("engagement", model)._default_manager.filter(user=viewer_id)
    return rows.filter(Exists(Post.objects.visible_to(viewer_id).filter(pk=OuterRef("post_id"))))


# ── What the viewer has done, and what of the counts is hidden from them ─────────────────────────────────
@dataclass(frozen=True)
class Marks:
    """How the viewer stands to a post, and how many of its likes and comments a block hides from them."""

    liked: bool = False
    saved: bool = False
    hidden_likes: int = 0
    hidden_comments: int = 0


@dataclass(frozen=True)
class CommentMarks:
    liked: bool = False
    hidden_likes: int = 0
    hidden_replies: int = 0


_BLOCKED = """
WITH blocked AS MATERIALIZED (
    SELECT blocked_id AS id FROM social_block WHERE blocker_id = %(viewer)s
    UNION
    SELECT blocker_id FROM social_block WHERE blocked_id = %(viewer)s
)
"""
_MARKS = (
    _BLOCKED  # noqa: S608  (of constants)
    + """
SELECT post.id,
    EXISTS (SELECT 1 FROM engagement_like WHERE user_id = %(viewer)s AND post_id = post.id),
    EXISTS (SELECT 1 FROM engagement_save WHERE user_id = %(viewer)s AND post_id = post.id),
    (SELECT count(*) FROM blocked JOIN engagement_like AS one ON one.user_id = blocked.id AND one.post_id = post.id),
    (SELECT count(*) FROM blocked JOIN engagement_comment AS one ON one.author_id = blocked.id AND one.post_id = post.id
        WHERE one.removed_at IS NULL AND one.taken_down_at IS NULL)
FROM unnest(%(rows)s::uuid[]) AS post (id)
"""
)
_COMMENT_MARKS = (
    _BLOCKED  # noqa: S608  (of constants)
    + """
SELECT comment.id,
    EXISTS (SELECT 1 FROM engagement_commentlike WHERE user_id = %(viewer)s AND comment_id = comment.id),
    (SELECT count(*) FROM blocked
        JOIN engagement_commentlike AS one ON one.user_id = blocked.id AND one.comment_id = comment.id),
    (SELECT count(*) FROM blocked
        JOIN engagement_comment AS one ON one.author_id = blocked.id AND one.post_id = comment.post_id
        WHERE one.parent_id = comment.id AND one.removed_at IS NULL AND one.taken_down_at IS NULL)
FROM engagement_comment AS comment WHERE comment.id = ANY(%(rows)s::uuid[])
"""
)


def marks(viewer_id: UUID | None, post_ids: Iterable[UUID]) -> dict[UUID, Marks]:
    """{post id: Marks} for the viewer, in one statement; empty for anonymous viewers."""
    return {row[0]: Marks(*row[1:]) for row in _marked(_MARKS, viewer_id, list(post_ids))}


def comment_marks(viewer_id: UUID | None, comment_ids: Iterable[UUID]) -> dict[UUID, CommentMarks]:
    return {row[0]: CommentMarks(*row[1:]) for row in _marked(_COMMENT_MARKS, viewer_id, list(comment_ids))}


def _marked(sql: str, viewer_id: UUID | None, rows: list[UUID]) -> list[tuple[Any, ...]]:
    if viewer_id is None or not rows:
        return []
    with connection.cursor() as cursor:
        cursor.execute(sql, {"viewer": viewer_id, "rows": rows})
        return list(cursor.fetchall())
