"""What the API takes and returns about likes, saves and comments."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from rest_framework import serializers

from apps.accounts.api.serializers import RelationshipSerializer, UserSummarySerializer, serialize_user_summary
from apps.content.api.serializers import MentionSerializer, PostCountsSerializer, serialize_mentions
from apps.core.api.fields import TextField
from apps.core.api.schema import example
from apps.core.api.serializers import StrictSerializer
from apps.engagement import reads
from apps.engagement.reads import CommentRow
from apps.social.api.serializers import serialize_listed_user
from apps.social.reads import ListedUser


# Input
@example({"text": "What light!"})
class CreateCommentSerializer(StrictSerializer):
    text = TextField(max_length=1000)
    parent_id = serializers.UUIDField(required=False, allow_null=True)


# Output
@example({"liked": True})
class LikedSerializer(serializers.Serializer[Any]):
    liked = serializers.BooleanField()
    counts = PostCountsSerializer()


@example({"saved": True})
class SavedSerializer(serializers.Serializer[Any]):
    saved = serializers.BooleanField()


class LikerSerializer(serializers.Serializer[Any]):
    user = UserSummarySerializer()
    viewer = RelationshipSerializer(allow_null=True)
    liked_at = serializers.DateTimeField()

    def to_representation(self, instance: ListedUser) -> dict[str, Any]:
        return serialize_listed_user(instance) | {"liked_at": instance.created_at}


@example({"likes": 2, "replies": 1})
class CommentCountsSerializer(serializers.Serializer[Any]):
    likes = serializers.IntegerField()
    replies = serializers.IntegerField()


class CommentViewerSerializer(serializers.Serializer[Any]):
    liked = serializers.BooleanField()


@example({"text": "What light!", "mentions": [], "parent_id": None})
class CommentSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    post_id = serializers.UUIDField()
    author = UserSummarySerializer(allow_null=True)
    text = serializers.CharField()
    mentions = MentionSerializer(many=True)
    parent_id = serializers.UUIDField(allow_null=True)
    counts = CommentCountsSerializer()
    viewer = CommentViewerSerializer(allow_null=True)
    removed = serializers.BooleanField(help_text="A tombstone: it is gone, and stays for its replies.")
    created_at = serializers.DateTimeField()


@example({"liked": True})
class LikedCommentSerializer(serializers.Serializer[Any]):
    liked = serializers.BooleanField()
    counts = CommentCountsSerializer()


def serialize_comment_counts(comment: CommentRow) -> dict[str, int]:
    """Without the likes and replies that a block hides from the viewer."""
    return {
        "likes": max(comment.like_count - comment.viewer.hidden_likes, 0),
        "replies": max(comment.reply_count - comment.viewer.hidden_replies, 0),
    }


def serialize_comment(comment: CommentRow, viewer_id: UUID | None) -> dict[str, Any]:
    """The representation of `CommentSerializer`. A tombstone shows neither text nor author nor likes."""
    gone = comment.is_tombstone
    counts = serialize_comment_counts(comment)
    return {
        "id": comment.id,
        "post_id": comment.post_id,
        "author": None if gone or comment.author is None else serialize_user_summary(comment.author),
        "text": "" if gone else comment.text,
        "mentions": [] if gone else serialize_mentions(comment.mentions),
        "parent_id": comment.parent_id,
        "counts": counts | {"likes": 0} if gone else counts,
        "viewer": {"liked": comment.viewer.liked} if viewer_id else None,
        "removed": gone,
        "created_at": comment.created_at,
    }


def serialize_comments(ids: Iterable[UUID], viewer_id: UUID | None) -> list[dict[str, Any]]:
    """The comments of a page of a list, in the order of `ids`, without those that are not listed any more."""
    wanted = list(ids)
    rows = reads.comments(wanted, viewer_id)
    return [serialize_comment(rows[pk], viewer_id) for pk in wanted if pk in rows]
