"""The read side of engagement."""

from typing import Any, NamedTuple
from uuid import UUID

from django.apps import apps
from django.db.models import Exists, OuterRef, Q, QuerySet

from apps.accounts.querysets import mini_columns
from apps.content.models import Post
from apps.core.db.statements import select
from apps.social.blocks import BLOCKED, BLOCKS, HidesBlocked, is_hidden

STANDING = Q(removed_at=None, taken_down_at=None)
# The same of `one`, a row of engagement_comment, for statements of our own.
_STANDS = "one.removed_at IS NULL AND one.taken_down_at IS NULL"
# name on a card → where it is.
CARD = {
    "id": "pk",
    "post_id": "post_id",
    "text": "text",
    "parent_id": "parent_id",
    "like_count": "like_count",
    "reply_count": "reply_count",
    "removed_at": "removed_at",
    "taken_down_at": "taken_down_at",
    "created_at": "created_at",
    **mini_columns("author"),
}


class CommentQuerySet(HidesBlocked):
    def standing(self) -> "CommentQuerySet":
        """Neither removed nor taken down."""
        return self.filter(STANDING)

    def visible_to(self, viewer_id: UUID | None) -> "CommentQuerySet":
        """Those that stand, by people in good standing without a block either way. Whether the post may be seen is
        asked of the post."""
        return self.filter(STANDING, author__state="active").without_hidden(viewer_id)

    def listed_for(self, viewer_id: UUID | None) -> "CommentQuerySet":
        """As `visible_to`, and of what does not stand the tombstones that hold replies."""
        tombstones = ~STANDING & Q(reply_count__gt=0)
        hidden = is_hidden("author_id", viewer_id) if viewer_id else Q(pk__in=[])
        return self.filter(tombstones | (STANDING & Q(author__state="active") & ~hidden))

    def on(self, post_id: UUID) -> "CommentQuerySet":
        return self.filter(post=post_id)

    def threads(self) -> "CommentQuerySet":
        return self.filter(parent__isnull=True)

    def replies_to(self, comment_id: UUID) -> "CommentQuerySet":
        return self.filter(parent=comment_id)

    def for_cards(self) -> QuerySet[Any, Any]:
        """What a card shows of the comment's own row and its author's, as tuples in the order of `CARD`."""
        shown: QuerySet[Any, Any] = self.values_list(*CARD.values())
        return shown


def likes_of(post_id: UUID, *, seen_by: UUID) -> QuerySet[Any]:
    """Likes of the post by people in good standing, without a block either way."""
    likes = apps.get_model("engagement", "Like")._default_manager.filter(post=post_id, user__state="active")
    return likes.exclude(is_hidden("user_id", seen_by))


def liked_by(viewer_id: UUID) -> QuerySet[Any]:
    """One's own likes of posts that one may see."""
    return _of_visible_posts("Like", viewer_id)


def saved_by(viewer_id: UUID) -> QuerySet[Any]:
    return _of_visible_posts("Save", viewer_id)


def _of_visible_posts(model: str, viewer_id: UUID) -> QuerySet[Any]:
    rows: QuerySet[Any] = apps.get_model("engagement", model)._default_manager.filter(user=viewer_id)
    return rows.filter(Exists(Post.objects.visible_to(viewer_id).filter(pk=OuterRef("post_id"))))


# ── What the viewer has done, and what of the counts is hidden from them ─────────────────────────────────
class Marks(NamedTuple):
    """How the viewer stands to a post, and how many of its likes and comments a block hides from them."""

    liked: bool = False
    saved: bool = False
    hidden_likes: int = 0
    hidden_comments: int = 0


class CommentMarks(NamedTuple):
    liked: bool = False
    hidden_likes: int = 0
    hidden_replies: int = 0


# How many of what is counted on `shown` are by people with a block between them and the viewer. They are looked for
# among those people or among what is counted, whichever is less: who has blocked one person does not read a million
# likes, and whom ten thousand have blocked does not look for each of these at a post that five people like. `OFFSET 0`:
# looked up one by one, however many PostgreSQL expects.
_HIDDEN = """
    CASE WHEN blocks.number = 0 THEN 0
    WHEN {shown}.{count} < blocks.number THEN (
        SELECT count(*) FROM {table} AS one WHERE {counted} AND one.{by} IN (SELECT id FROM blocked)
    ) ELSE (
        SELECT count(*) FROM blocked CROSS JOIN LATERAL (
            SELECT FROM {table} AS one WHERE one.{by} = blocked.id AND {counted} OFFSET 0
        ) AS theirs
    ) END"""


def _hidden(shown: str, count: str, table: str, by: str, counted: str) -> str:
    """`counted`: SQL for which rows of `one`, of the table, `count` counts."""
    return _HIDDEN.format(shown=shown, count=count, table=table, by=by, counted=counted)


# Of `post`, a row with an id and its counts. Beside `BLOCKED`, and joined with `BLOCKS`.
MARKS = f"""
    EXISTS (SELECT 1 FROM engagement_like WHERE user_id = %(viewer)s AND post_id = post.id OFFSET 0),
    EXISTS (SELECT 1 FROM engagement_save WHERE user_id = %(viewer)s AND post_id = post.id OFFSET 0),
    {_hidden("post", "like_count", "engagement_like", "user_id", "one.post_id = post.id")},
    {_hidden("post", "comment_count", "engagement_comment", "author_id", f"one.post_id = post.id AND {_STANDS}")}
"""  # noqa: S608  (of constants)
_REPLIES = f"one.post_id = comment.post_id AND one.parent_id = comment.id AND {_STANDS}"
# Of `comment`, a row with an id, a post_id and its counts. Beside `BLOCKED`, and joined with `BLOCKS`.
COMMENT_MARKS = f"""
    EXISTS (SELECT 1 FROM engagement_commentlike WHERE user_id = %(viewer)s AND comment_id = comment.id OFFSET 0),
    {_hidden("comment", "like_count", "engagement_commentlike", "user_id", "one.comment_id = comment.id")},
    {_hidden("comment", "reply_count", "engagement_comment", "author_id", _REPLIES)}
"""  # noqa: S608  (of constants)
_COMMENT_MARKS_OF = (
    f"WITH {BLOCKED} SELECT {COMMENT_MARKS} FROM engagement_comment AS comment "  # noqa: S608  (of constants)
    f"CROSS JOIN {BLOCKS} WHERE comment.id = %(comment)s"
)


def comment_marks(viewer_id: UUID, comment_id: UUID) -> CommentMarks:
    return CommentMarks(*select(_COMMENT_MARKS_OF, viewer=viewer_id, comment=comment_id)[0])
