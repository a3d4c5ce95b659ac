from rest_framework import serializers

from apps.accounts.api.schemas import Relationship, User, UserMini
from apps.core.api.shapes import Shape


class Follower(Shape):
    user = UserMini()
    viewer = Relationship(allow_null=True)
    followed_at = serializers.DateTimeField()


class FollowRequest(Shape):
    user = UserMini()
    viewer = Relationship(allow_null=True)
    requested_at = serializers.DateTimeField()


class Listed(Shape):
    """Somebody on a list of one's own: blocked, muted."""

    user = UserMini()
    since = serializers.DateTimeField()


class Suggestion(User):
    followed_by_count = serializers.IntegerField(help_text="How many of those one follows follow them.")


class Relationships(Shape):
    results = Relationship(many=True)
    next_cursor = serializers.CharField(allow_null=True)
