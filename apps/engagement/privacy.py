"""Erasure and export of a user's likes, saves and comments."""

from contextlib import suppress
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet

from apps.core.db.batches import BATCH, delete_in_batches
from apps.core.db.counters import Counter
from apps.core.errors import NotFound
from apps.core.privacy import Export
from apps.engagement import comments
from apps.engagement.counters import COMMENT_LIKES, LIKES
from apps.engagement.models import Comment, CommentLike, CommentMention, Like, Save


def erase(user_id: UUID) -> None:
    """In batches, each in its own transaction. Replies of other users stay, under a tombstone. Rows of other users
    below the user's own posts are deleted before the posts, because a long cascade would hold locks."""
    delete_in_batches(Save.objects.filter(user=user_id))
    _delete_likes(Like.objects.filter(user=user_id), LIKES, "post_id")
    _delete_likes(CommentLike.objects.filter(user=user_id), COMMENT_LIKES, "comment_id")
    for comment_id in Comment.objects.filter(author=user_id).order_by("pk").values_list("pk", flat=True).iterator():
        with suppress(NotFound):  # it was removed meanwhile
            comments.remove_comment(comment_id)
    delete_in_batches(CommentMention.objects.filter(user=user_id))
    _clear_own_posts(user_id)


def _clear_own_posts(user_id: UUID) -> None:
    """No counter is changed, because the posts are deleted as well."""
    below = Comment.objects.filter(post__author=user_id)
    delete_in_batches(CommentLike.objects.filter(comment__post__author=user_id))
    delete_in_batches(below.filter(parent__isnull=False))
    delete_in_batches(below)
    delete_in_batches(Like.objects.filter(post__author=user_id))
    delete_in_batches(Save.objects.filter(post__author=user_id))


def _delete_likes(likes: QuerySet[Any], counter: Counter, subject: str) -> None:
    """Delete likes and decrement the counters of their subjects. The subjects are locked first, as `services.like`
    does."""
    while subjects := sorted(set(likes.order_by("pk").values_list(subject, flat=True)[:BATCH])):
        with transaction.atomic():
            rows = counter.shown_on._base_manager.filter(pk__in=subjects).order_by("pk")
            list(rows.select_for_update(of=("self",), no_key=True).values_list("pk", flat=True))
            batch = dict(likes.filter(**{f"{subject}__in": subjects}).values_list("pk", subject))
            likes.filter(pk__in=batch).delete()
            counter.move_all(dict.fromkeys(batch.values(), -1))


def export(user_id: UUID) -> Export:
    for like in Like.objects.filter(user=user_id).order_by("id").iterator():
        yield "likes", {"post": str(like.post_id), "at": like.created_at}
    for save in Save.objects.filter(user=user_id).order_by("id").iterator():
        yield "saves", {"post": str(save.post_id), "at": save.created_at}
    for comment in Comment.objects.filter(author=user_id).order_by("post_id", "id").iterator():
        yield (
            "comments",
            {
                "id": str(comment.pk),
                "post": str(comment.post_id),
                "reply_to": str(comment.parent_id) if comment.parent_id else None,
                "text": comment.text,
                "taken_down_at": comment.taken_down_at,
                "created_at": comment.created_at,
            },
        )
    for liked in CommentLike.objects.filter(user=user_id).order_by("id").iterator():
        yield "comment_likes", {"comment": str(liked.comment_id), "at": liked.created_at}
