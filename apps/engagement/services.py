"""Likes and saves.

Each write locks the post or comment first. So it happens either before or after a concurrent deletion, never during
one.
"""

from uuid import UUID

from django.db import transaction

from apps.content.models import Post
from apps.core.errors import NotFound
from apps.engagement.counters import COMMENT_LIKES, LIKES
from apps.engagement.events import comment_liked, comment_unliked, post_liked, post_unliked
from apps.engagement.models import Comment, CommentLike, Like, Save


@transaction.atomic
def like(post_id: UUID, *, by: UUID) -> Post:
    """Like a post. Idempotent. Raises NotFound if `by` may not see the post."""
    post: Post = Post.objects.lock_visible(post_id, viewer_id=by)
    if Like.objects.insert_or_ignore(post_id=post.pk, user_id=by):
        LIKES.increment(post.pk)
        post_liked.publish(post_id=str(post.pk), actor_id=str(by))
    return post


@transaction.atomic
def unlike(post_id: UUID, *, by: UUID) -> Post:
    """Remove a like. Idempotent. Raises NotFound if `by` may not see the post."""
    post: Post = Post.objects.lock_visible(post_id, viewer_id=by)
    deleted, _ = Like.objects.filter(post=post, user=by).delete()
    if deleted:
        LIKES.decrement(post.pk)
        post_unliked.publish(post_id=str(post.pk), actor_id=str(by))
    return post


@transaction.atomic
def save(post_id: UUID, *, by: UUID) -> None:
    """Save a post. Idempotent; nobody is notified. Raises NotFound if `by` may not see the post."""
    post = Post.objects.lock_visible(post_id, viewer_id=by)
    Save.objects.insert_or_ignore(post_id=post.pk, user_id=by)


@transaction.atomic
def unsave(post_id: UUID, *, by: UUID) -> None:
    """Remove a save. Idempotent. Raises NotFound if `by` may not see the post."""
    if not Post.objects.visible_to(by).filter(pk=post_id).exists():
        raise NotFound
    Save.objects.filter(post=post_id, user=by).delete()


@transaction.atomic
def like_comment(comment_id: UUID, *, by: UUID) -> Comment:
    """Like a comment. Idempotent. Raises NotFound if `by` may not see the comment or its post."""
    comment: Comment = Comment.objects.lock_visible(comment_id, viewer_id=by)
    if CommentLike.objects.insert_or_ignore(comment_id=comment.pk, user_id=by):
        COMMENT_LIKES.increment(comment.pk)
        comment_liked.publish(comment_id=str(comment.pk), actor_id=str(by))
    return comment


@transaction.atomic
def unlike_comment(comment_id: UUID, *, by: UUID) -> Comment:
    """Remove the like of a comment. Idempotent. Raises NotFound as `like_comment` does."""
    comment: Comment = Comment.objects.lock_visible(comment_id, viewer_id=by)
    deleted, _ = CommentLike.objects.filter(comment=comment, user=by).delete()
    if deleted:
        COMMENT_LIKES.decrement(comment.pk)
        comment_unliked.publish(comment_id=str(comment.pk), actor_id=str(by))
    return comment
