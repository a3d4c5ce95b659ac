from typing import Any

from rest_framework import serializers

from apps.accounts.api.serializers import UserSummarySerializer, serialize_user_summary
from apps.core.api.fields import StrictBoolean, TokenField
from apps.core.api.schema import ID, example
from apps.core.api.serializers import StrictSerializer
from apps.notifications.models import Type
from apps.notifications.reads import NotificationRow
from apps.notifications.wording import get_preview


# ── Responses ────────────────────────────────────────────────────────────────────────────────────────────
@example(
    {"type": "like", "actor_count": 1, "comment_id": None, "preview": "Low tide at #husum with @bob", "read_at": None}
)
class NotificationSerializer(serializers.Serializer[NotificationRow]):
    id = serializers.UUIDField()
    type = serializers.ChoiceField(choices=Type.values)
    actors = UserSummarySerializer(many=True)
    actor_count = serializers.IntegerField(help_text="Counted up to 1,000.")
    post_id = serializers.UUIDField(allow_null=True)
    comment_id = serializers.UUIDField(allow_null=True)
    preview = serializers.CharField(allow_null=True)
    read_at = serializers.DateTimeField(allow_null=True)
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()

    def to_representation(self, row: NotificationRow) -> dict[str, Any]:
        """Plain, since it renders a hot list. The context holds the actors of all rows by id."""
        actors = self.context["actors"]
        return {
            "id": row.id,
            "type": row.type,
            "actors": [serialize_user_summary(actors[pk]) for pk in row.actor_ids or [] if pk in actors],
            "actor_count": row.actor_count,
            "post_id": row.post_id,
            "comment_id": row.comment_id,
            "preview": get_preview(row.type, row.statement, row.comment_text, row.caption),
            "read_at": row.read_at,
            "created_at": row.created_at,
            "updated_at": row.updated_at,
        }


@example({"unread": 3})
class UnreadSerializer(serializers.Serializer[Any]):
    unread = serializers.IntegerField(help_text="Counted up to 1,000.")


@example({"in_app": True, "push": True})
class ChannelsSerializer(serializers.Serializer[Any]):
    in_app = serializers.BooleanField()
    push = serializers.BooleanField()
    email = serializers.BooleanField()


class NotificationPreferencesSerializer(serializers.Serializer[Any]):
    follow = ChannelsSerializer()
    follow_request = ChannelsSerializer()
    follow_accepted = ChannelsSerializer()
    like = ChannelsSerializer()
    comment = ChannelsSerializer()
    reply = ChannelsSerializer()
    mention = ChannelsSerializer()
    comment_like = ChannelsSerializer()
    moderation = ChannelsSerializer()
    report = ChannelsSerializer()


@example({"endpoint": "https://push.example.org/send/x7d2"})
class PushSubscriptionSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    endpoint = serializers.URLField()
    created_at = serializers.DateTimeField()


@example(
    {
        "next_cursor": None,
        "vapid_public_key": "BNcRdreALRFXTkOOUHK1EtK2wtaz5Ry4YfYCA_0QTpQtUbVlUls0VJXg7A8u-Ts1XbjhazAkj7I99e8QcYP7DkM",
    }
)
class PushSubscriptionsSerializer(serializers.Serializer[Any]):
    results = PushSubscriptionSerializer(many=True)
    next_cursor = serializers.CharField(allow_null=True)
    vapid_public_key = serializers.CharField(
        allow_null=True,
        help_text="The `applicationServerKey` for a browser's subscription; null if push is not configured.",
    )


# ── Bodies ───────────────────────────────────────────────────────────────────────────────────────────────
@example({"up_to": ID})
class ReadAllSerializer(StrictSerializer):
    """All notifications, or `up_to` one and those that follow it in the list."""

    up_to = serializers.UUIDField(required=False)


class ChannelsBodySerializer(StrictSerializer):
    in_app = StrictBoolean()
    push = StrictBoolean()
    email = StrictBoolean()


@example({"like": {"in_app": True, "push": False, "email": False}})
class PreferencesBodySerializer(StrictSerializer):
    follow = ChannelsBodySerializer(required=False)
    follow_request = ChannelsBodySerializer(required=False)
    follow_accepted = ChannelsBodySerializer(required=False)
    like = ChannelsBodySerializer(required=False)
    comment = ChannelsBodySerializer(required=False)
    reply = ChannelsBodySerializer(required=False)
    mention = ChannelsBodySerializer(required=False)
    comment_like = ChannelsBodySerializer(required=False)
    moderation = ChannelsBodySerializer(required=False)
    report = ChannelsBodySerializer(required=False)


class PushKeysSerializer(StrictSerializer):
    p256dh = serializers.RegexField(r"^[A-Za-z0-9_-]{87,88}=?$", max_length=100)
    auth = serializers.RegexField(r"^[A-Za-z0-9_-]{22}={0,2}$", max_length=30)


@example(
    {
        "endpoint": "https://push.example.org/send/x7d2",
        "keys": {
            "p256dh": "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4",
            "auth": "BTBZMqHH6r4Tts7J_aSIgg",
        },
    }
)
class SubscribeSerializer(StrictSerializer):
    """The result of a browser's `PushSubscription.toJSON()`."""

    endpoint = TokenField(max_length=500)
    keys = PushKeysSerializer()
    expirationTime = serializers.IntegerField(required=False, allow_null=True)
