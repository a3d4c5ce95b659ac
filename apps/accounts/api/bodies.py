"""What the calls of this context take."""

from typing import Any

from django.core.validators import URLValidator
from rest_framework import serializers

from apps.core.api.fields import Body, StrictBoolean, TextField, TokenField


class HandleField(TokenField):
    """Its rules are `apps.accounts.handles`'; here it is only text of a sane length."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=100, **kwargs)


class EmailField(serializers.EmailField):
    """ASCII only: two addresses that differ to a machine must not look the same to a reader (Django CVE-2019-19844)."""

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str) or not data.isascii():
            self.fail("invalid")
        return super().to_internal_value(data).lower()


class SignUp(Body):
    handle = HandleField()
    email = EmailField(max_length=254)
    password = TokenField()
    display_name = TextField(max_length=50, allow_blank=True, required=False)


class SignIn(Body):
    """By password (`login`, `password`) or by `refresh` token, as `grant_type` says. Moderators who have set up
    two-factor add a `code` of their app, or a recovery code; without it they are let in, and may not moderate."""

    grant_type = serializers.ChoiceField(choices=["password", "refresh_token"], default="password")
    login = TokenField(required=False, max_length=254)
    password = TokenField(required=False)
    device_name = TextField(max_length=100, allow_blank=True, required=False)
    code = TokenField(required=False, max_length=40)
    refresh = TokenField(required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        needed = ["refresh"] if attrs["grant_type"] == "refresh_token" else ["login", "password"]
        if missing := {name: ["This field is required."] for name in needed if name not in attrs}:
            raise serializers.ValidationError(missing, code="required")
        return attrs


class Revoke(Body):
    """Nothing: the present session. Otherwise one of one's own, or all."""

    session_id = serializers.UUIDField(required=False)
    all = StrictBoolean(required=False)


class ChangePassword(Body):
    current_password = TokenField()
    new_password = TokenField()


class AskForReset(Body):
    email = TokenField(max_length=254)


class ResetPassword(Body):
    token = TokenField()
    new_password = TokenField()


class ConfirmEmail(Body):
    token = TokenField()


class SettingsBody(Body):
    show_sensitive = StrictBoolean(required=False)
    theme = serializers.ChoiceField(choices=["system", "light", "dark"], required=False)


class WebsiteField(TextField):
    """An http or https address: anything else would run in somebody's browser."""

    default_error_messages = {"invalid_url": "An http:// or https:// address."}
    _check = URLValidator(schemes=["http", "https"])

    def to_internal_value(self, data: Any) -> str:
        text = super().to_internal_value(data)
        if text:
            try:
                self._check(text)
            except Exception:  # URLValidator raises ValidationError, and ValueError for some malformed hosts
                self.fail("invalid_url")
        return text


class UpdateProfile(Body):
    display_name = TextField(max_length=50, allow_blank=True, required=False)
    bio = TextField(max_length=300, allow_blank=True, required=False)
    website = WebsiteField(max_length=200, allow_blank=True, required=False)
    is_private = StrictBoolean(required=False)
    locale = serializers.RegexField(r"^[a-z]{2,3}(-[A-Za-z0-9]{2,4})?$", max_length=10, required=False)
    avatar_media_id = serializers.UUIDField(required=False, allow_null=True)
    settings = SettingsBody(required=False)


class Leave(Body):
    password = TokenField()


class AskForExport(Body):
    password = TokenField()
