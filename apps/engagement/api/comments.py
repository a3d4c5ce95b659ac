"""Visibility checks of comments, for views. A comment is visible only if its post is."""

from uuid import UUID

from rest_framework.request import Request

from apps.content.api.posts import find_post, find_reviewable_post, may_review
from apps.core.errors import NotFound
from apps.engagement.models import Comment
from apps.engagement.querysets import CommentQuerySet


def visible_comments(request: Request) -> CommentQuerySet:
    comments: CommentQuerySet = Comment.objects.visible_to(request.user.pk)
    return comments


def find_comment(request: Request, comment_id: UUID) -> Comment:
    """The comment. Raises NotFound if the caller may not see it or its post."""
    comment = _get(visible_comments(request), comment_id)
    find_post(request, comment.post_id)
    return comment


def find_reviewable_comment(request: Request, comment_id: UUID) -> Comment:
    """As `find_comment`, but a moderator finds any comment that is not removed. Raises NotFound."""
    if not may_review(request):
        return find_comment(request, comment_id)
    return _get(Comment.objects.filter(removed_at=None), comment_id)


def find_comment_on(request: Request, post_id: UUID, comment_id: UUID) -> Comment:
    """As `find_reviewable_comment`, for a comment of this post."""
    find_reviewable_post(request, post_id)
    comment = find_reviewable_comment(request, comment_id)
    if comment.post_id != post_id:
        raise NotFound
    return comment


def _get(comments: CommentQuerySet, comment_id: UUID) -> Comment:
    comment: Comment | None = comments.select_related("post").filter(pk=comment_id).first()
    if comment is None:
        raise NotFound
    return comment
