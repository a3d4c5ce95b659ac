"""What the API takes and returns about posts."""

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from apps.accounts.api.serializers import UserSummarySerializer, serialize_user_summary
from apps.content import services
from apps.content.models import Post
from apps.core.api.fields import StrictBoolean, TextField
from apps.core.api.schema import ID, example
from apps.core.api.serializers import StrictSerializer
from apps.core.db.ids import parse_id
from apps.engagement import reads
from apps.engagement.reads import Mention, PostRow
from apps.media.api.serializers import MediaSerializer, render_photos
from apps.media.urls import signing_time


# Input
class PostFieldsSerializer(StrictSerializer):
    caption = TextField(max_length=2200, allow_blank=True, required=False)
    visibility = serializers.ChoiceField(choices=Post.Visibility.values, required=False)
    sensitive = StrictBoolean(required=False)
    comments_enabled = StrictBoolean(required=False)
    alt_texts = serializers.DictField(child=TextField(max_length=1500, allow_blank=True), required=False)

    def validate_alt_texts(self, texts: dict[str, str]) -> dict[UUID, str]:
        ids = {key: parse_id(key) for key in texts}
        if malformed := {key: [_("Not a medium of this post.")] for key, pk in ids.items() if pk is None}:
            raise serializers.ValidationError(malformed, code="invalid_media")
        return {pk: texts[key] for key, pk in ids.items() if pk}


@example(
    {
        "media_ids": [ID],
        "caption": "Low tide at #husum with @bob",
        "visibility": "public",
        "alt_texts": {ID: "Two boats on the mud at low tide."},
    }
)
class CreatePostSerializer(PostFieldsSerializer):
    media_ids = serializers.ListField(
        child=serializers.UUIDField(), min_length=1, max_length=services.MAX_MEDIA, allow_empty=False
    )


@example({"caption": "High tide at #husum", "alt_texts": {ID: "Two boats at high tide."}})
class UpdatePostSerializer(PostFieldsSerializer):
    pass


# Output
@example({"handle": "bob", "display_name": "Bob", "avatar": None, "offset": 24, "length": 4})
class MentionSerializer(UserSummarySerializer):
    offset = serializers.IntegerField(help_text="In code points, the @ included.")
    length = serializers.IntegerField()


@example({"likes": 12, "comments": 3})
class PostCountsSerializer(serializers.Serializer[Any]):
    likes = serializers.IntegerField()
    comments = serializers.IntegerField()


class PostViewerSerializer(serializers.Serializer[Any]):
    liked = serializers.BooleanField()
    saved = serializers.BooleanField()


@example({"caption": "Low tide at #husum with @bob", "comments_enabled": True, "tags": ["husum"], "edited_at": None})
class PostSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    author = UserSummarySerializer()
    caption = serializers.CharField()
    media = MediaSerializer(many=True)
    visibility = serializers.ChoiceField(choices=Post.Visibility.values)
    status = serializers.ChoiceField(choices=["published", "processing", "failed", "taken_down"])
    sensitive = serializers.BooleanField()
    comments_enabled = serializers.BooleanField()
    tags = serializers.ListField(child=serializers.CharField())
    mentions = MentionSerializer(many=True)
    counts = PostCountsSerializer()
    viewer = PostViewerSerializer(allow_null=True)
    created_at = serializers.DateTimeField()
    edited_at = serializers.DateTimeField(allow_null=True)


def serialize_mentions(mentions: Sequence[Mention]) -> list[dict[str, Any]]:
    return [
        serialize_user_summary(mention.user) | {"offset": mention.offset, "length": mention.length}
        for mention in mentions
    ]


def serialize_post_counts(post: PostRow) -> dict[str, int]:
    """Without the likes and comments that a block hides from the viewer."""
    return {
        "likes": max(post.like_count - post.viewer.hidden_likes, 0),
        "comments": max(post.comment_count - post.viewer.hidden_comments, 0),
    }


def serialize_post(post: PostRow, viewer_id: UUID | None, variants: frozenset[str] | None = None) -> dict[str, Any]:
    """The representation of `PostSerializer`. `variants`: the names of those of photos; None for all."""
    return {
        "id": post.id,
        "author": serialize_user_summary(post.author),
        "caption": post.caption,
        "media": render_photos(post.photos, public=post.is_public, at=signing_time(), variants=variants),
        "visibility": post.visibility,
        "status": "taken_down" if post.taken_down_at else post.status,
        "sensitive": post.sensitive,
        "comments_enabled": post.comments_enabled,
        "tags": post.tags,
        "mentions": serialize_mentions(post.mentions),
        "counts": serialize_post_counts(post),
        "viewer": {"liked": post.viewer.liked, "saved": post.viewer.saved} if viewer_id else None,
        "created_at": post.created_at,
        "edited_at": post.edited_at,
    }


def serialize_posts(
    ids: Iterable[UUID], viewer_id: UUID | None, variants: frozenset[str] | None = None
) -> list[dict[str, Any]]:
    """The posts of a page of a list, in the order of `ids`, without those that the viewer may not see any more."""
    wanted = list(ids)
    rows = reads.posts(wanted, viewer_id)
    return [serialize_post(rows[pk], viewer_id, variants) for pk in wanted if pk in rows]
