from rest_framework import serializers

from apps.accounts.api.schemas import UserMini
from apps.content.models import Post as PostRow
from apps.core.api.shapes import Shape
from apps.media.api.schemas import Media


class Mention(UserMini):
    offset = serializers.IntegerField(help_text="In code points, the @ included.")
    length = serializers.IntegerField()


class PostCounts(Shape):
    likes = serializers.IntegerField()
    comments = serializers.IntegerField()


class PostMarks(Shape):
    liked = serializers.BooleanField()
    saved = serializers.BooleanField()


class Post(Shape):
    id = serializers.UUIDField()
    author = UserMini()
    caption = serializers.CharField()
    media = Media(many=True)
    visibility = serializers.ChoiceField(choices=PostRow.Visibility.values)
    status = serializers.ChoiceField(choices=["published", "processing", "failed", "taken_down"])
    sensitive = serializers.BooleanField()
    comments_enabled = serializers.BooleanField()
    tags = serializers.ListField(child=serializers.CharField())
    mentions = Mention(many=True)
    counts = PostCounts()
    viewer = PostMarks(allow_null=True)
    created_at = serializers.DateTimeField()
    edited_at = serializers.DateTimeField(allow_null=True)
