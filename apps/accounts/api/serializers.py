"""What the API takes and returns about accounts."""

from collections.abc import Iterable
from typing import Any, cast
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import URLValidator
from django.utils.translation import get_supported_language_variant
from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from apps.accounts import consents, exports
from apps.accounts.devices import name_event_device
from apps.accounts.models import DEFAULT_SETTINGS, DataExport, EmailChange, Passkey, SecurityEvent, Session, User
from apps.accounts.reads import UserSummary
from apps.core import time_zones
from apps.core.api.fields import LineField, SecretField, StrictBoolean, TextField, TokenField
from apps.core.api.schema import ID, example
from apps.core.api.serializers import StrictSerializer
from apps.core.hosts import is_public_name
from apps.media.api.serializers import serialize_avatar
from apps.moderation.cases.decisions import in_force
from apps.moderation.models import ModerationAction, TargetType
from apps.notifications.reads import count_unread
from apps.site.models import DocumentVersion


# ── Responses ────────────────────────────────────────────────────────────────────────────────────────────
@example(
    {
        "thumb": "https://cdn.photogram.example/5kq2/thumb.webp",
        "medium": "https://cdn.photogram.example/5kq2/medium.webp",
    }
)
class AvatarSerializer(serializers.Serializer[Any]):
    thumb = serializers.URLField()
    medium = serializers.URLField()


def serialize_user_summary(user: UserSummary | User) -> dict[str, Any]:
    """The representation of `UserSummarySerializer`. A `User` needs its `avatar` selected."""
    return {
        "id": user.id,
        "handle": user.handle,
        "display_name": user.display_name,
        "avatar": serialize_avatar(user.avatar),
        "is_verified": user.is_verified,
    }


@example({"handle": "alice", "display_name": "Alice Liddell"})
class UserSummarySerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    handle = serializers.CharField()
    display_name = serializers.CharField()
    avatar = AvatarSerializer(allow_null=True)
    is_verified = serializers.BooleanField()

    def to_representation(self, instance: UserSummary | User) -> dict[str, Any]:
        return serialize_user_summary(instance)


@example({"following": True})
class RelationshipSerializer(serializers.Serializer[Any]):
    user_id = serializers.UUIDField()
    following = serializers.BooleanField()
    requested = serializers.BooleanField()
    followed_by = serializers.BooleanField()
    blocking = serializers.BooleanField()
    muting = serializers.BooleanField()


@example({"followers": 128, "following": 73, "posts": 42})
class UserCountsSerializer(serializers.Serializer[Any]):
    followers = serializers.IntegerField()
    following = serializers.IntegerField()
    posts = serializers.IntegerField()


def serialize_user(user: Any, viewer: dict[str, Any] | None) -> dict[str, Any]:
    """The representation of `UserSerializer`.

    `user`: a `User` with its avatar, or a profile with the same attributes. `viewer`: the viewer's relationship to the
    account, or None for anonymous viewers and the viewer's own account.
    """
    return {
        "id": user.id,
        "handle": user.handle,
        "display_name": user.display_name,
        "bio": user.bio,
        "website": user.website,
        "avatar": serialize_avatar(user.avatar),
        "is_private": user.is_private,
        "is_verified": user.is_verified,
        "counts": {"followers": user.follower_count, "following": user.following_count, "posts": user.post_count},
        "created_at": user.created_at,
        "viewer": viewer,
    }


@example(
    {
        "handle": "alice",
        "display_name": "Alice Liddell",
        "bio": "Rabbit holes and river banks.",
        "website": "https://alice.example.org",
    }
)
class UserSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    handle = serializers.CharField()
    display_name = serializers.CharField()
    bio = serializers.CharField()
    website = serializers.CharField()
    avatar = AvatarSerializer(allow_null=True)
    is_private = serializers.BooleanField()
    is_verified = serializers.BooleanField()
    counts = UserCountsSerializer()
    created_at = serializers.DateTimeField()
    viewer = RelationshipSerializer(allow_null=True)


@example({"next_cursor": None})
class UserListSerializer(serializers.Serializer[Any]):
    results = UserSerializer(many=True)
    next_cursor = serializers.CharField(allow_null=True)


THEMES = ["system", "light", "dark"]
SHOW_SENSITIVE = "Show the photos of posts that are `sensitive` at once. Otherwise clients cover them until asked."
DISCOVERABLE = (
    "Whether others may discover the account and its posts: in explore, suggestions, search and lists of tags, and in "
    "search engines, the sitemap and link previews."
)
TIME_ZONE = "Of the dates in pages and mails: a name of the IANA database. Empty for that of the server, UTC."


@example({"theme": "dark", "discoverable": True, "keyboard_shortcuts": True})
class SettingsSerializer(serializers.Serializer[Any]):
    show_sensitive = serializers.BooleanField(help_text=SHOW_SENSITIVE)
    theme = serializers.ChoiceField(choices=THEMES)
    discoverable = serializers.BooleanField(help_text=DISCOVERABLE)
    keyboard_shortcuts = serializers.BooleanField()


@example({"reason": "Sells watches."})
class SuspensionSerializer(serializers.Serializer[Any]):
    reason = serializers.CharField()
    until = serializers.DateTimeField(allow_null=True)
    action_id = serializers.UUIDField(
        allow_null=True,
        help_text="The decision, for `GET /v1/moderation/actions/{action_id}/statement` and the appeal.",
    )


def serialize_suspension(user: User) -> dict[str, Any] | None:
    """The representation of `SuspensionSerializer`; None for an account that is not suspended."""
    if not user.is_restricted:
        return None
    action = in_force(ModerationAction.Action.SUSPEND, TargetType.USER, user.pk)
    return {
        "reason": user.suspension_reason,
        "until": user.suspended_until,
        "action_id": action.pk if action else None,
    }


@example(
    {
        "viewer": None,
        "email_verified": True,
        "locale": "en",
        "time_zone": "Europe/Berlin",
        "roles": [],
        "suspension": None,
        "unread_notifications": 3,
        "pending_consents": ["terms"],
    }
)
class MeSerializer(UserSerializer):
    email = serializers.EmailField()
    email_verified = serializers.BooleanField()
    locale = serializers.CharField()
    time_zone = serializers.CharField(help_text=TIME_ZONE)
    roles = serializers.ListField(child=serializers.ChoiceField(choices=["admin", "moderator"]))
    settings = SettingsSerializer()
    suspension = SuspensionSerializer(
        allow_null=True, help_text="Not null in a restricted session: the account is suspended."
    )
    unread_notifications = serializers.IntegerField()
    pending_consents = serializers.ListField(
        child=serializers.ChoiceField(choices=DocumentVersion.Kind.values),
        help_text="The documents whose version in effect the user has not accepted: see `POST /v1/users/me/consents`.",
    )

    def to_representation(self, instance: User) -> dict[str, Any]:
        return serialize_user(instance, None) | {
            "email": instance.email,
            "email_verified": instance.email_verified_at is not None,
            "locale": instance.locale,
            "time_zone": instance.time_zone,
            "roles": sorted(instance.roles),
            "settings": DEFAULT_SETTINGS | instance.settings,
            "suspension": serialize_suspension(instance),
            "unread_notifications": count_unread(instance.pk),
            "pending_consents": [version.kind for version in consents.pending(instance)],
        }


@example({"handle": "alice", "email": "alice@example.org"})
class PendingSignUpSerializer(serializers.Serializer[Any]):
    """The account exists. Its owner can sign in when a moderator has approved it, which a mail tells."""

    id = serializers.UUIDField()
    handle = serializers.CharField()
    email = serializers.EmailField()
    status = serializers.ChoiceField(choices=["pending"])
    expires_at = serializers.DateTimeField(help_text="When the account is erased unless it is approved before.")

    def to_representation(self, instance: User) -> dict[str, Any]:
        return {
            "id": instance.pk,
            "handle": instance.handle,
            "email": instance.email,
            "status": "pending",
            "expires_at": instance.erase_after,
        }


@example(
    {
        "access": "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.e30.access",
        "refresh": "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.e30.refresh",
        "expires_in": 900,
    }
)
class TokenPairSerializer(serializers.Serializer[Any]):
    access = serializers.CharField()
    refresh = serializers.CharField()
    token_type = serializers.ChoiceField(choices=["Bearer"])
    expires_in = serializers.IntegerField()
    session_id = serializers.UUIDField()
    user = MeSerializer()


@example(
    {"device_name": "Alice's phone", "ip": "192.0.2.17", "user_agent": "Photogram/3.2 (Android 16)", "current": True}
)
class SessionSerializer(serializers.Serializer[Session]):
    id = serializers.UUIDField()
    kind = serializers.ChoiceField(choices=Session.Kind.values)
    device_name = serializers.CharField()
    ip = serializers.CharField(source="address", allow_null=True)
    user_agent = serializers.CharField()
    created_at = serializers.DateTimeField()
    last_seen_at = serializers.DateTimeField()
    current = serializers.SerializerMethodField()

    def get_current(self, session: Session) -> bool:
        return bool(session.pk == self.context["request"].auth.session_id)


@example({"email": "alice@wonderland.example"})
class PendingEmailSerializer(serializers.Serializer[EmailChange]):
    email = serializers.EmailField(source="new_email")
    created_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField()


@example({"email": "alice@example.org", "email_verified": True})
class EmailStateSerializer(serializers.Serializer[Any]):
    email = serializers.EmailField()
    email_verified = serializers.BooleanField()
    pending = PendingEmailSerializer(
        allow_null=True, help_text="A new address whose link has not been used yet; it replaces the present one then."
    )


@example(
    {"kind": "passkey_added", "detail": "Alice's phone", "device": "Firefox on Windows", "network": "203.0.113.***"}
)
class SecurityEventSerializer(serializers.Serializer[SecurityEvent]):
    id = serializers.UUIDField()
    kind = serializers.ChoiceField(choices=SecurityEvent.Kind.values)
    detail = serializers.CharField(help_text="What changed, such as the handles or the name of a passkey.")
    device = serializers.SerializerMethodField()
    network = serializers.CharField(help_text="The network of the client, without the part that names a computer.")
    created_at = serializers.DateTimeField()

    def get_device(self, event: SecurityEvent) -> str:
        return name_event_device(event)


@example({"status": "ready", "url": "https://storage.photogram.example/exports/x7d2.zip?X-Amz-Signature=5f0c"})
class DataExportSerializer(serializers.Serializer[Any]):
    status = serializers.ChoiceField(choices=["none", "pending", "processing", "ready", "expired", "failed"])
    url = serializers.URLField(allow_null=True)
    expires_at = serializers.DateTimeField(allow_null=True)

    def to_representation(self, instance: DataExport) -> dict[str, Any]:
        if url := exports.link(instance):
            return {"status": instance.status, "url": url, "expires_at": instance.expires_at}
        # The link may have expired before the scheduled job has marked the export.
        status = "expired" if instance.status == DataExport.Status.READY else instance.status
        return {"status": status, "url": None, "expires_at": None}


# ── Bodies ───────────────────────────────────────────────────────────────────────────────────────────────
class HandleField(TokenField):
    """Text of limited length; `apps.accounts.handles` checks the rules for handles."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=100, **kwargs)


class EmailField(serializers.EmailField):
    """ASCII only: two addresses that differ to a machine must not look the same to a reader (Django CVE-2019-19844)."""

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str) or not data.isascii():
            self.fail("invalid")
        address = super().to_internal_value(data).lower()
        domain = address.rpartition("@")[2]
        if not (is_public_name(domain) or settings.EMAIL_ALLOW_LOCAL_ADDRESSES):
            self.fail("invalid")
        return address


class LocaleField(serializers.CharField):
    """A language of this server. "de-AT" is stored as "de" if the server has no Austrian German."""

    default_error_messages = {"unsupported": _("This server has no such language.")}

    def __init__(self, **kwargs: Any) -> None:
        languages = ", ".join(code for code, _name in settings.LANGUAGES)
        kwargs.setdefault("help_text", f"Of mails and pages: {languages}, or a regional variant of one of these.")
        super().__init__(max_length=35, **kwargs)

    def to_internal_value(self, data: Any) -> str:
        try:
            return get_supported_language_variant(super().to_internal_value(data).lower())
        except (LookupError, ValueError):
            self.fail("unsupported")


class TimeZoneField(serializers.CharField):
    """A name of the IANA database that this server knows, or nothing."""

    default_error_messages = {"unsupported": _("There is no such time zone.")}

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=64, allow_blank=True, help_text=TIME_ZONE, **kwargs)

    def to_internal_value(self, data: Any) -> str:
        name = super().to_internal_value(data)
        if name and name not in time_zones.names():
            self.fail("unsupported")
        return name


class WebsiteField(LineField):
    """An http or https address without user name and password; other schemes could run code in the reader's browser."""

    default_error_messages = {"invalid_url": _("An http:// or https:// address.")}
    _check = URLValidator(schemes=["http", "https"])

    def to_internal_value(self, data: Any) -> str:
        text = super().to_internal_value(data)
        if text:
            try:
                self._check(text)
                parts = urlsplit(text)
                is_refused = "@" in parts.netloc or parts.port == 0
            except (ValidationError, ValueError):  # ValueError for some malformed hosts, and for ports above 65535
                self.fail("invalid_url")
            # "https://bank.example@evil.example" leads to evil.example; and a password does not belong in a profile.
            if is_refused:
                self.fail("invalid_url")
        return text


@example(
    {
        "handle": "alice",
        "email": "alice@example.org",
        "password": "correct horse battery staple",
        "display_name": "Alice Liddell",
    }
)
class SignUpSerializer(StrictSerializer):
    handle = HandleField()
    email = EmailField(max_length=254)
    password = SecretField()
    display_name = LineField(max_length=50, allow_blank=True, required=False)
    time_zone = TimeZoneField(required=False)
    invitation = TokenField(max_length=100, allow_blank=True, required=False, help_text="The code of an invitation.")
    reason = TextField(
        max_length=1000,
        allow_blank=True,
        required=False,
        help_text="Why you want to join, for the moderators. Required while they approve new members.",
    )
    date_of_birth = serializers.DateField(
        required=False, help_text="Required while the site has a minimum age. It is not stored."
    )
    proof_of_work = SecretField(
        required=False,
        allow_blank=True,
        help_text="The solution of a challenge of `GET /v1/users/challenge`. Required while the site asks for it.",
    )


# What a user has answered who was refused before. No docstring: see `StrictSerializer`.
class AnsweredSerializer(StrictSerializer):
    restricted = StrictBoolean(
        required=False, help_text="Open a restricted session if the account is suspended; without it the answer is 403."
    )
    reactivate = StrictBoolean(
        required=False, help_text="Reactivate a deactivated account. Ask the user first; without it the answer is 409."
    )


@example(
    {
        "grant_type": "password",
        "login": "alice",
        "password": "correct horse battery staple",
        "device_name": "Alice's phone",
    }
)
class PasswordSignInSerializer(AnsweredSerializer):
    """Sign in. Users with a second factor add a `code`, or get `401 second_factor_required` with what the second step
    needs."""

    grant_type = serializers.ChoiceField(choices=["password"], default="password")
    login = TokenField(max_length=254, help_text="A handle or an e-mail address.")
    password = SecretField()
    device_name = LineField(max_length=100, allow_blank=True, required=False)
    code = SecretField(required=False, max_length=40, help_text="Of the two-factor app, or a recovery code.")


@example({"grant_type": "refresh_token", "refresh": "the refresh token of the last response"})
class RefreshSignInSerializer(StrictSerializer):
    """Exchange a refresh token for new tokens. It works once."""

    grant_type = serializers.ChoiceField(choices=["refresh_token"])
    refresh = SecretField()


class CredentialField(serializers.JSONField):
    """What the browser's WebAuthn API returns, as its `toJSON()` writes it. `required_bytes`: the names of the parts of
    the response that are needed."""

    default_error_messages = {"invalid_credential": _("Not the response of an authenticator.")}

    def __init__(self, required_bytes: Iterable[str], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.required_bytes = list(required_bytes)

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        response = data.get("response") if isinstance(data, dict) else None
        if not isinstance(response, dict):
            self.fail("invalid_credential")
        parts = [data.get("id"), data.get("rawId"), *(response.get(name) for name in self.required_bytes)]
        transports = response.get("transports", [])
        is_complete = all(isinstance(part, str) and part for part in parts)
        if not is_complete or not isinstance(transports, list):
            self.fail("invalid_credential")
        return cast(dict[str, Any], data)


ASSERTION = ["clientDataJSON", "authenticatorData", "signature"]
ATTESTATION = ["clientDataJSON", "attestationObject"]
EXAMPLE_CHALLENGE = "WyJpZGVudGlmeSIsIiIsInhZIl0:1xPq3r:mac"
EXAMPLE_ASSERTION = {
    "id": "AQID",
    "rawId": "AQID",
    "type": "public-key",
    "response": {"clientDataJSON": "e30", "authenticatorData": "AAAA", "signature": "MEUC", "userHandle": "AZq4"},
}


@example({"grant_type": "second_factor", "challenge": EXAMPLE_CHALLENGE, "code": "123456"})
class SecondFactorSignInSerializer(AnsweredSerializer):
    """Complete a sign-in that was refused with `second_factor_required`: with a `code` or a `passkey`."""

    grant_type = serializers.ChoiceField(choices=["second_factor"])
    challenge = SecretField(help_text="Of the error `second_factor_required`.")
    code = SecretField(required=False, max_length=40, help_text="Of the authenticator app, or a recovery code.")
    passkey = CredentialField(ASSERTION, required=False, help_text="The browser's response to `passkey_options`.")
    device_name = LineField(max_length=100, allow_blank=True, required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        return _require_one_of(attrs, "code", "passkey")


@example({"grant_type": "passkey", "challenge": EXAMPLE_CHALLENGE, "passkey": EXAMPLE_ASSERTION})
class PasskeySignInSerializer(AnsweredSerializer):
    """Sign in with a passkey alone."""

    grant_type = serializers.ChoiceField(choices=["passkey"])
    challenge = SecretField(help_text="Of `POST /v1/auth/passkey-options`.")
    passkey = CredentialField(ASSERTION, help_text="The browser's response to the `options`.")
    device_name = LineField(max_length=100, allow_blank=True, required=False)


def _require_one_of(attrs: dict[str, Any], *names: str) -> dict[str, Any]:
    """Raises ValidationError unless exactly one of the fields is sent."""
    if sum(name in attrs for name in names) != 1:
        raise serializers.ValidationError({names[0]: [_("Send one of: %(names)s.") % {"names": ", ".join(names)}]})
    return attrs


# By `grant_type`; a body without one is a sign-in by password.
SIGN_IN: dict[str, type[StrictSerializer]] = {
    "password": PasswordSignInSerializer,
    "second_factor": SecondFactorSignInSerializer,
    "passkey": PasskeySignInSerializer,
    "refresh_token": RefreshSignInSerializer,
}


@example({"all": True})
class RevokeSerializer(StrictSerializer):
    """An empty object ends the current session, `session_id` another session of the user, `all` all of them."""

    session_id = serializers.UUIDField(required=False)
    all = StrictBoolean(required=False)


@example({"current_password": "correct horse battery staple", "new_password": "a better battery staple"})
class ChangePasswordSerializer(StrictSerializer):
    current_password = SecretField()
    new_password = SecretField()


@example({"email": "alice@example.org"})
class RequestPasswordResetSerializer(StrictSerializer):
    email = TokenField(max_length=254)


@example({"token": "the token of the link in the mail", "new_password": "a better battery staple"})
class ResetPasswordSerializer(StrictSerializer):
    token = SecretField()
    new_password = SecretField()


@example({"token": "the token of the link in the mail"})
class ConfirmEmailSerializer(StrictSerializer):
    token = SecretField()


@example({"handle": "alice.liddell"})
class ChangeHandleSerializer(StrictSerializer):
    handle = HandleField()


@example({"email": "alice@wonderland.example", "password": "correct horse battery staple"})
class ChangeEmailSerializer(StrictSerializer):
    email = EmailField(max_length=254)
    password = SecretField()


class SettingsBodySerializer(StrictSerializer):
    show_sensitive = StrictBoolean(required=False, help_text=SHOW_SENSITIVE)
    theme = serializers.ChoiceField(choices=THEMES, required=False)
    discoverable = StrictBoolean(required=False, help_text=DISCOVERABLE)
    keyboard_shortcuts = StrictBoolean(required=False)


@example(
    {
        "display_name": "Alice Liddell",
        "bio": "Rabbit holes and river banks.",
        "website": "https://alice.example.org",
        "is_private": False,
        "locale": "en",
        "time_zone": "Europe/Berlin",
        "avatar_media_id": ID,
        "settings": {"theme": "dark"},
    }
)
class UpdateProfileSerializer(StrictSerializer):
    display_name = LineField(max_length=50, allow_blank=True, required=False)
    bio = TextField(max_length=300, allow_blank=True, required=False)
    website = WebsiteField(max_length=200, allow_blank=True, required=False)
    is_private = StrictBoolean(required=False)
    locale = LocaleField(required=False)
    time_zone = TimeZoneField(required=False)
    avatar_media_id = serializers.UUIDField(required=False, allow_null=True)
    settings = SettingsBodySerializer(required=False)


@example({"password": "correct horse battery staple"})
class PasswordSerializer(StrictSerializer):
    """The current password, as a confirmation."""

    password = SecretField()


# ── Second factors ───────────────────────────────────────────────────────────────────────────────────────
@example(
    {
        "challenge": EXAMPLE_CHALLENGE,
        "options": {"challenge": "q83v", "rpId": "photogram.example", "userVerification": "required"},
    }
)
class CeremonySerializer(serializers.Serializer[Any]):
    challenge = serializers.CharField(help_text="To send back with the passkey. Valid for ten minutes.")
    options = serializers.DictField(
        help_text="Of `navigator.credentials`, as `PublicKeyCredential.parse…OptionsFromJSON` reads them."
    )


@example({"name": "Alice's laptop", "is_backed_up": True})
class PasskeyOutSerializer(serializers.Serializer[Passkey]):
    id = serializers.UUIDField()
    name = serializers.CharField()
    is_backed_up = serializers.BooleanField(help_text="Whether the user's devices share it.")
    created_at = serializers.DateTimeField()
    last_used_at = serializers.DateTimeField(allow_null=True)


class AuthenticatorAppSerializer(serializers.Serializer[Any]):
    created_at = serializers.DateTimeField()
    last_used_at = serializers.DateTimeField(allow_null=True)


@example({"recovery_codes_left": 10})
class SecondFactorsSerializer(serializers.Serializer[Any]):
    enabled = serializers.BooleanField(help_text="Whether signing in asks for a second factor.")
    required_by_role = serializers.BooleanField(help_text="Whether the role of the user requires one.")
    totp = AuthenticatorAppSerializer(allow_null=True)
    passkeys = PasskeyOutSerializer(many=True)
    recovery_codes_left = serializers.IntegerField()


@example(
    {
        "secret": "JBSWY3DPEHPK3PXP",
        "uri": "otpauth://totp/Photogram%3Aalice?secret=JBSWY3DPEHPK3PXP&algorithm=SHA1&digits=6&period=30",
        "qr_code": "data:image/svg+xml;charset=utf-8,%3Csvg/%3E",
    }
)
class TotpSetupSerializer(serializers.Serializer[Any]):
    secret = serializers.CharField(help_text="For apps that cannot read the QR code.")
    uri = serializers.CharField()
    qr_code = serializers.CharField(help_text="The URI as an SVG image, in a `data:` URL.")


@example({"recovery_codes": ["k3fw-9mzt-p2xa-7hqd"]})
class RecoveryCodesSerializer(serializers.Serializer[Any]):
    recovery_codes = serializers.ListField(
        child=serializers.CharField(),
        help_text="Shown once. Empty if the user has some already.",
    )


class AddedPasskeySerializer(RecoveryCodesSerializer):
    passkey = PasskeyOutSerializer()


@example({"code": "123456"})
class TotpCodeSerializer(StrictSerializer):
    code = SecretField(max_length=40)


@example(
    {
        "challenge": EXAMPLE_CHALLENGE,
        "name": "Alice's laptop",
        "passkey": {
            "id": "AQID",
            "rawId": "AQID",
            "type": "public-key",
            "response": {"clientDataJSON": "e30", "attestationObject": "o2Nm", "transports": ["internal"]},
        },
    }
)
class AddPasskeySerializer(StrictSerializer):
    challenge = SecretField()
    passkey = CredentialField(ATTESTATION, help_text="The browser's response to the `options`.")
    name = LineField(max_length=50, allow_blank=True, required=False)


@example({"name": "Alice's laptop"})
class RenamePasskeySerializer(StrictSerializer):
    name = LineField(max_length=50)


@example({"password": "correct horse battery staple"})
class ConfirmIdentitySerializer(StrictSerializer):
    """The password, a code, or a passkey that answers the challenge of `POST /v1/auth/passkey-options`."""

    password = SecretField(required=False)
    code = SecretField(required=False, max_length=40, help_text="Of the authenticator app, or a recovery code.")
    passkey = CredentialField(ASSERTION, required=False)
    challenge = SecretField(required=False, help_text="With `passkey`.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if "passkey" in attrs and "challenge" not in attrs:
            raise serializers.ValidationError({"challenge": [self.fields["challenge"].error_messages["required"]]})
        return _require_one_of(attrs, "password", "code", "passkey")
