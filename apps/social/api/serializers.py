"""What the API returns about relationships and lists of accounts."""

from dataclasses import asdict
from typing import Any

from rest_framework import serializers

from apps.accounts.api.serializers import (
    RelationshipSerializer,
    UserSerializer,
    UserSummarySerializer,
    serialize_user,
    serialize_user_summary,
)
from apps.core.api.schema import example
from apps.social.reads import ListedUser, Profile, Relationship


def serialize_relationship(relationship: Relationship | None) -> dict[str, Any] | None:
    """The representation of `RelationshipSerializer`."""
    return asdict(relationship) if relationship else None


def serialize_profile(profile: Profile) -> dict[str, Any]:
    """The representation of `UserSerializer`."""
    return serialize_user(profile, serialize_relationship(profile.relationship))


def serialize_listed_user(row: ListedUser) -> dict[str, Any]:
    """What the serializers of a `RelationshipList` have in common."""
    return {"user": serialize_user_summary(row.user), "viewer": serialize_relationship(row.relationship)}


class FollowerSerializer(serializers.Serializer[ListedUser]):
    user = UserSummarySerializer()
    viewer = RelationshipSerializer(allow_null=True)
    followed_at = serializers.DateTimeField()

    def to_representation(self, instance: ListedUser) -> dict[str, Any]:
        return serialize_listed_user(instance) | {"followed_at": instance.created_at}


class FollowRequestSerializer(serializers.Serializer[ListedUser]):
    user = UserSummarySerializer()
    viewer = RelationshipSerializer(allow_null=True)
    requested_at = serializers.DateTimeField()

    def to_representation(self, instance: ListedUser) -> dict[str, Any]:
        return serialize_listed_user(instance) | {"requested_at": instance.created_at}


class BlockedUserSerializer(serializers.Serializer[Any]):
    user = UserSummarySerializer(source="blocked")
    since = serializers.DateTimeField(source="created_at")


class MutedUserSerializer(serializers.Serializer[Any]):
    user = UserSummarySerializer(source="muted")
    since = serializers.DateTimeField(source="created_at")


@example({"followed_by_count": 4})
class SuggestionSerializer(UserSerializer):
    followed_by_count = serializers.IntegerField(
        help_text="Number of accounts followed by the caller that follow this account."
    )


@example({"next_cursor": None})
class RelationshipsSerializer(serializers.Serializer[Any]):
    results = RelationshipSerializer(many=True)
    next_cursor = serializers.CharField(allow_null=True)
