from rest_framework import serializers

from apps.accounts.api.schemas import UserMini
from apps.core.api.shapes import Shape
from apps.notifications.models import Type


class Notification(Shape):
    id = serializers.UUIDField()
    type = serializers.ChoiceField(choices=Type.values)
    actors = UserMini(many=True)
    actor_count = serializers.IntegerField(help_text="Counted up to 1,000.")
    post_id = serializers.UUIDField(allow_null=True)
    comment_id = serializers.UUIDField(allow_null=True)
    preview = serializers.CharField(allow_null=True)
    read_at = serializers.DateTimeField(allow_null=True)
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()


class Unread(Shape):
    unread = serializers.IntegerField(help_text="Counted up to 1,000.")


class ChannelsShape(Shape):
    in_app = serializers.BooleanField()
    push = serializers.BooleanField()
    email = serializers.BooleanField()


class NotificationPreferences(Shape):
    follow = ChannelsShape()
    follow_request = ChannelsShape()
    follow_accepted = ChannelsShape()
    like = ChannelsShape()
    comment = ChannelsShape()
    reply = ChannelsShape()
    mention = ChannelsShape()
    comment_like = ChannelsShape()
    moderation = ChannelsShape()


class PushSubscription(Shape):
    id = serializers.UUIDField()
    endpoint = serializers.URLField()
    created_at = serializers.DateTimeField()


class PushSubscriptions(Shape):
    results = PushSubscription(many=True)
    next_cursor = serializers.CharField(allow_null=True)
    vapid_public_key = serializers.CharField(
        allow_null=True, help_text="What a browser subscribes with (`applicationServerKey`); null: push is not set up."
    )
