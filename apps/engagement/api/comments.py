"""Comments for views of other apps."""

from uuid import UUID

from rest_framework.request import Request

from apps.accounts.api.authentication import is_moderator
from apps.core.errors import NotFound
from apps.engagement.models import Comment
from apps.engagement.querysets import CommentQuerySet


def find_comment(request: Request, comment_id: UUID) -> Comment:
    """The comment with its post. Raises NotFound if the caller may not see both."""
    return _get(Comment.objects.readable_by(request.user.pk, is_moderator=False), comment_id)


def find_reviewable_comment(request: Request, comment_id: UUID) -> Comment:
    """As `find_comment`, but a moderator finds any comment that is not removed. Raises NotFound."""
    return _get(Comment.objects.readable_by(request.user.pk, is_moderator=is_moderator(request)), comment_id)


def _get(comments: CommentQuerySet, comment_id: UUID) -> Comment:
    comment: Comment | None = comments.select_related("post").filter(pk=comment_id).first()
    if comment is None:
        raise NotFound
    return comment
