"""Posts and comments as a viewer sees them: one statement for a page of either.

The rows of posts are read here and not in content, because they hold the viewer's likes and saves.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from apps.accounts.reads import UserSummary
from apps.content.models import Post
from apps.core.db.compiled import CompiledQuery
from apps.core.db.queries import fetch, load
from apps.core.errors import NotFound
from apps.engagement.models import Comment, Like
from apps.social.reads import RelationshipList
from apps.social.visibility import visible_users

VISIBLE_POSTS = CompiledQuery(lambda viewer: Post.objects.visible_to(viewer).with_is_public())
# For moderators, who may look at any post.
ALL_POSTS = CompiledQuery(lambda viewer: Post.objects.with_is_public())
LISTED_COMMENTS = CompiledQuery(lambda viewer: Comment.objects.listed_for(viewer))
_PUBLISHED_COMMENTS = CompiledQuery(lambda: Comment.objects.published())
_VISIBLE_USERS = CompiledQuery(lambda viewer: visible_users(viewer))
LIKERS = RelationshipList(lambda viewer, post: Like.objects.on(post).shown_to(viewer), user="user")


@dataclass(frozen=True)
class Mention:
    """A mention in a caption or a comment. The position is in code points and includes the @."""

    offset: int
    length: int
    user: UserSummary


@dataclass(frozen=True)
class ViewerState:
    """What the viewer has done with a post, and how many of its likes and comments a block hides from the viewer."""

    liked: bool
    saved: bool
    hidden_likes: int
    hidden_comments: int


@dataclass(frozen=True)
class CommentViewerState:
    liked: bool
    hidden_likes: int
    hidden_replies: int


@dataclass(frozen=True)
class PostRow:
    """A row of posts.sql."""

    id: UUID
    caption: str
    visibility: str
    status: str
    taken_down_at: datetime | None
    sensitive: bool
    comments_enabled: bool
    like_count: int
    comment_count: int
    created_at: datetime
    edited_at: datetime | None
    is_public: bool
    author: UserSummary
    # JSON, for `apps.media.api.serializers.render_photos`.
    photos: str | None
    tags: list[str]
    mentions: list[Mention]
    viewer: ViewerState


@dataclass(frozen=True)
class CommentRow:
    """A row of comments.sql."""

    id: UUID
    post_id: UUID
    parent_id: UUID | None
    text: str
    like_count: int
    reply_count: int
    # Removed or taken down, and shown because of its replies.
    is_tombstone: bool
    created_at: datetime
    # None for a removed comment.
    author: UserSummary | None
    mentions: list[Mention]
    viewer: CommentViewerState


def posts(
    ids: Iterable[UUID], viewer_id: UUID | None, *, visible: CompiledQuery = VISIBLE_POSTS
) -> dict[UUID, PostRow]:
    """{id: row} for those of the posts that the viewer may see, or that the queryset `visible` selects."""
    rows: list[PostRow] = fetch(_post_row, posts_sql(viewer_id, visible), viewer=viewer_id, ids=list(ids))
    return {row.id: row for row in rows}


def post(post_id: UUID, viewer_id: UUID | None, *, visible: CompiledQuery = VISIBLE_POSTS) -> PostRow:
    """Raises NotFound if the viewer may not see the post."""
    for row in posts([post_id], viewer_id, visible=visible).values():
        return row
    raise NotFound


def comments(ids: Iterable[UUID], viewer_id: UUID | None) -> dict[UUID, CommentRow]:
    """{id: row} for those of the comments that are listed for the viewer. Check first that the viewer may see the
    post."""
    rows: list[CommentRow] = fetch(_comment_row, comments_sql(viewer_id), viewer=viewer_id, ids=list(ids))
    return {row.id: row for row in rows}


def comment(comment_id: UUID, viewer_id: UUID | None) -> CommentRow:
    """Raises NotFound if the comment is not listed for the viewer."""
    for row in comments([comment_id], viewer_id).values():
        return row
    raise NotFound


def posts_sql(viewer_id: UUID | None, visible: CompiledQuery = VISIBLE_POSTS) -> str:
    return load("engagement/posts", visible=visible.sql(viewer=viewer_id), **shared_slots(viewer_id))


def comments_sql(viewer_id: UUID | None) -> str:
    return load("engagement/comments", visible=LISTED_COMMENTS.sql(viewer=viewer_id), **shared_slots(viewer_id))


def shared_slots(viewer_id: UUID | None) -> dict[str, str]:
    return {"users": _VISIBLE_USERS.sql(viewer=viewer_id), "comments": _PUBLISHED_COMMENTS.sql()}


def _post_row(*columns: Any) -> PostRow:
    own, author, (photos, tags, mentions), viewer = columns[:12], columns[12:18], columns[18:21], columns[21:]
    return PostRow(*(*own, UserSummary(*author), photos, tags, _mentions(mentions), ViewerState(*viewer)))


def _comment_row(*columns: Any) -> CommentRow:
    own, author, mentions, viewer = columns[:8], columns[8:14], columns[14], columns[15:]
    summary = UserSummary(*author) if author[0] else None
    return CommentRow(*(*own, summary, _mentions(mentions), CommentViewerState(*viewer)))


def _mentions(column: list[list[Any]] | None) -> list[Mention]:
    return [Mention(offset, length, UserSummary(UUID(pk), *user)) for offset, length, pk, *user in column or []]
