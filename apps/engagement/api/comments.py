"""Comments for views of other apps."""

from typing import cast
from uuid import UUID

from django.http import HttpRequest
from rest_framework.request import Request

from apps.accounts.api.authentication import is_moderator
from apps.accounts.models import User
from apps.core.errors import Forbidden, NotFound
from apps.engagement import comments as services
from apps.engagement.models import Comment
from apps.engagement.querysets import CommentQuerySet
from apps.moderation import services as moderation


def find_comment(request: Request | HttpRequest, comment_id: UUID) -> Comment:
    """The comment with its post. Raises NotFound if the caller may not see both."""
    return _get(Comment.objects.readable_by(request.user.pk, is_moderator=False), comment_id)


def find_reviewable_comment(request: Request | HttpRequest, comment_id: UUID) -> Comment:
    """As `find_comment`, but a moderator finds any comment that is not removed. Raises NotFound."""
    return _get(Comment.objects.readable_by(request.user.pk, is_moderator=is_moderator(request)), comment_id)


def _get(comments: CommentQuerySet, comment_id: UUID) -> Comment:
    comment: Comment | None = comments.select_related("post").filter(pk=comment_id).first()
    if comment is None:
        raise NotFound
    return comment


def delete_comment(request: Request | HttpRequest, comment: Comment) -> None:
    """Its author and the author of the post remove it; a moderator takes it down. `comment` has its post.

    Raises Forbidden for others, and CannotModerate.
    """
    caller = cast(User, request.user)
    if caller.pk in {comment.author_id, comment.post.author_id}:
        services.remove_comment(comment.pk)
    elif caller.is_moderator:
        moderation.take_down_instead_of_removing(comment, by=caller)
    else:
        raise Forbidden
