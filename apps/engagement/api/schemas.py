from rest_framework import serializers

from apps.accounts.api.schemas import Relationship, UserMini
from apps.content.api.schemas import Mention, PostCounts
from apps.core.api.shapes import Shape


class Liked(Shape):
    liked = serializers.BooleanField()
    counts = PostCounts()


class Saved(Shape):
    saved = serializers.BooleanField()


class Liker(Shape):
    user = UserMini()
    viewer = Relationship(allow_null=True)
    liked_at = serializers.DateTimeField()


class CommentCounts(Shape):
    likes = serializers.IntegerField()
    replies = serializers.IntegerField()


class CommentMarks(Shape):
    liked = serializers.BooleanField()


class Comment(Shape):
    id = serializers.UUIDField()
    post_id = serializers.UUIDField()
    author = UserMini(allow_null=True)
    text = serializers.CharField()
    mentions = Mention(many=True)
    parent_id = serializers.UUIDField(allow_null=True)
    counts = CommentCounts()
    viewer = CommentMarks(allow_null=True)
    removed = serializers.BooleanField(help_text="A tombstone: it is gone, and stays for its replies.")
    created_at = serializers.DateTimeField()


class LikedComment(Shape):
    liked = serializers.BooleanField()
    counts = CommentCounts()
