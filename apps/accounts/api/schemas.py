"""What the answers of this context look like, for the OpenAPI document."""

from rest_framework import serializers

from apps.accounts.api.serializers import AvatarSerializer as Avatar
from apps.accounts.api.serializers import UserSummarySerializer as UserMini  # noqa: F401  (until its users are converted)
from apps.core.api.shapes import Shape


class Relationship(Shape):
    user_id = serializers.UUIDField()
    following = serializers.BooleanField()
    requested = serializers.BooleanField()
    followed_by = serializers.BooleanField()
    blocking = serializers.BooleanField()
    muting = serializers.BooleanField()


class UserCounts(Shape):
    followers = serializers.IntegerField()
    following = serializers.IntegerField()
    posts = serializers.IntegerField()


class User(Shape):
    id = serializers.UUIDField()
    handle = serializers.CharField()
    display_name = serializers.CharField()
    bio = serializers.CharField()
    website = serializers.CharField()
    avatar = Avatar(allow_null=True)
    is_private = serializers.BooleanField()
    is_verified = serializers.BooleanField()
    counts = UserCounts()
    created_at = serializers.DateTimeField()
    viewer = Relationship(allow_null=True)


class Settings(Shape):
    show_sensitive = serializers.BooleanField()
    theme = serializers.ChoiceField(choices=["system", "light", "dark"])


class Me(User):
    email = serializers.EmailField()
    email_verified = serializers.BooleanField()
    locale = serializers.CharField()
    roles = serializers.ListField(child=serializers.ChoiceField(choices=["admin", "moderator"]))
    settings = Settings()
    unread_notifications = serializers.IntegerField()


class UserList(Shape):
    results = User(many=True)
    next_cursor = serializers.CharField(allow_null=True)


class TokenPair(Shape):
    access = serializers.CharField()
    refresh = serializers.CharField()
    token_type = serializers.ChoiceField(choices=["Bearer"])
    expires_in = serializers.IntegerField()
    session_id = serializers.UUIDField()
    user = Me()


class Session(Shape):
    id = serializers.UUIDField()
    device_name = serializers.CharField()
    ip = serializers.CharField(allow_null=True)
    user_agent = serializers.CharField()
    created_at = serializers.DateTimeField()
    last_seen_at = serializers.DateTimeField()
    current = serializers.BooleanField()


class DataExport(Shape):
    status = serializers.ChoiceField(choices=["none", "pending", "processing", "ready", "expired", "failed"])
    url = serializers.URLField(allow_null=True)
    expires_at = serializers.DateTimeField(allow_null=True)
