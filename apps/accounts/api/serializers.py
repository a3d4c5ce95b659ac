"""What the API takes and returns about accounts."""

from typing import Any

from rest_framework import serializers

from apps.accounts.models import User
from apps.accounts.reads import UserSummary
from apps.media.api.cards import avatar_card


class AvatarSerializer(serializers.Serializer[Any]):
    thumb = serializers.URLField()
    medium = serializers.URLField()


def serialize_user_summary(user: UserSummary | User) -> dict[str, Any]:
    """The representation of `UserSummarySerializer`. A `User` needs its `avatar` selected."""
    return {
        "id": user.id,
        "handle": user.handle,
        "display_name": user.display_name,
        "avatar": avatar_card(user.avatar),
        "is_verified": user.is_verified,
    }


class UserSummarySerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    handle = serializers.CharField()
    display_name = serializers.CharField()
    avatar = AvatarSerializer(allow_null=True)
    is_verified = serializers.BooleanField()

    def to_representation(self, instance: UserSummary | User) -> dict[str, Any]:
        return serialize_user_summary(instance)
