"""Passkeys: WebAuthn credentials (https://www.w3.org/TR/webauthn-3/), as a second factor or instead of a password.

py_webauthn checks the responses of authenticators. A ceremony has a token, which is signed and says what the ceremony
is for. The authenticator signs the token's digest as the challenge, so that nothing is stored for ceremonies that
nobody completes. A challenge that was answered is stored until it expires, so that an answer works once.

Every passkey verifies its user (a PIN, a fingerprint, a face), so signing in with one proves two factors.
"""

import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar
from uuid import UUID

import webauthn
from django.conf import settings
from django.core import signing
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from webauthn.authentication.verify_authentication_response import VerifiedAuthentication
from webauthn.helpers import base64url_to_bytes, options_to_json_dict, parse_client_data_json
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    AuthenticatorTransport,
    CredentialDeviceType,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from apps.accounts.models import Passkey, SpentChallenge, User
from apps.core.errors import BadRequest, Conflict
from apps.site import reads as site

T = TypeVar("T")
_SALT = "photogram.passkeys"
# How long a ceremony may take.
LIFETIME = timedelta(minutes=10)
MAX_PER_USER = 20
# Of the id of a credential (WebAuthn, section 4).
MAX_ID_BYTES = 1023
DEFAULT_NAME = "Passkey"
# What the token of a ceremony is for: proving the identity, or adding a passkey.
IDENTIFY, REGISTER = "identify", "register"


class InvalidPasskey(BadRequest):
    """The message does not say what is wrong, since an attacker would learn from it."""

    code, title = "invalid_passkey", _("That passkey was not accepted. Try again.")


class TooManyPasskeys(Conflict):
    code, title = "too_many_passkeys", _("You have 20 passkeys; remove one first.")


@dataclass(frozen=True)
class Ceremony:
    """`challenge`: the token to send back with the response. `options`: those of the browser's WebAuthn API, as
    JSON."""

    challenge: str
    options: dict[str, Any]


# ── Proving the identity ─────────────────────────────────────────────────────────────────────────────────
def begin() -> Ceremony:
    """Ask for any passkey of this site: the authenticator knows whose it is."""
    challenge = _make_token(IDENTIFY, "")
    return Ceremony(challenge, request_options(challenge))


def request_options(challenge: str, user: User | None = None) -> dict[str, Any]:
    """The options with which a browser asks for a passkey of this user, or of any user."""
    options = webauthn.generate_authentication_options(
        rp_id=settings.PASSKEY_DOMAIN,
        challenge=challenge_bytes(challenge),
        timeout=_timeout(),
        allow_credentials=_descriptors(user) if user else None,
        user_verification=UserVerificationRequirement.REQUIRED,
    )
    return options_to_json_dict(options)


def verify(challenge: str, credential: dict[str, Any]) -> Passkey:
    """The passkey that answered the challenge of `begin`. Raises InvalidPasskey."""
    _check_token(challenge, IDENTIFY, "")
    return verify_answer(challenge, credential, user_id=None)


@transaction.atomic
def verify_answer(challenge: str, credential: dict[str, Any], *, user_id: UUID | None) -> Passkey:
    """The passkey that answered `challenge`, a token that the caller has checked. Each challenge is answered once.

    `user_id`: whose passkey it must be; None for any. Raises InvalidPasskey.
    """
    # Of concurrent requests with the same answer, the later ones see the count and the challenge of the first.
    found = Passkey.objects.select_for_update(of=["self"]).select_related("user")
    passkey = found.filter(credential_id=_credential_id(credential)).first()
    if passkey is None or user_id not in {None, passkey.user_id}:
        raise InvalidPasskey
    _check_user_handle(credential, passkey, required=user_id is None)
    _check_frame(credential)
    verified: VerifiedAuthentication = _checked(
        lambda: webauthn.verify_authentication_response(
            credential=credential,
            expected_challenge=challenge_bytes(challenge),
            expected_rp_id=settings.PASSKEY_DOMAIN,
            expected_origin=settings.PASSKEY_ORIGINS,
            credential_public_key=bytes(passkey.public_key),
            # The library refuses a count that has not grown: the key was copied, or the answer is old.
            credential_current_sign_count=passkey.sign_count,
            require_user_verification=True,
        )
    )
    if _is_backup_eligible(verified) != passkey.is_backup_eligible:
        raise InvalidPasskey
    _spend(challenge)
    passkey.sign_count = verified.new_sign_count
    passkey.is_backed_up = verified.credential_backed_up
    passkey.last_used_at = timezone.now()
    passkey.save(update_fields=["sign_count", "is_backed_up", "last_used_at"])
    return passkey


def find_owner(credential: dict[str, Any]) -> UUID | None:
    """Whose passkey this claims to be, unverified. None for an unknown one."""
    try:
        credential_id = _credential_id(credential)
    except InvalidPasskey:
        return None
    return Passkey.objects.filter(credential_id=credential_id).values_list("user_id", flat=True).first()


# ── Adding one ───────────────────────────────────────────────────────────────────────────────────────────
def begin_registration(user: User) -> Ceremony:
    """Ask for a new passkey of this user, which the authenticator stores with the account's name."""
    challenge = _make_token(REGISTER, str(user.pk))
    options = webauthn.generate_registration_options(
        rp_id=settings.PASSKEY_DOMAIN,
        rp_name=site.current().name,
        user_id=user.pk.bytes,
        user_name=user.handle,
        user_display_name=user.display_name or user.handle,
        challenge=challenge_bytes(challenge),
        timeout=_timeout(),
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED, user_verification=UserVerificationRequirement.REQUIRED
        ),
        exclude_credentials=_descriptors(user),
    )
    return Ceremony(challenge, options_to_json_dict(options))


@transaction.atomic
def register(user: User, *, challenge: str, credential: dict[str, Any], name: str) -> Passkey:
    """Store the passkey that answered `begin_registration`. The caller has locked the user.

    Raises InvalidPasskey, also for one that is stored already; TooManyPasskeys.
    """
    _check_token(challenge, REGISTER, str(user.pk))
    if user.passkeys.count() >= MAX_PER_USER:
        raise TooManyPasskeys
    _check_frame(credential)
    verified = _checked(
        lambda: webauthn.verify_registration_response(
            credential=credential,
            expected_challenge=challenge_bytes(challenge),
            expected_rp_id=settings.PASSKEY_DOMAIN,
            expected_origin=settings.PASSKEY_ORIGINS,
            require_user_verification=True,
        )
    )
    if len(verified.credential_id) > MAX_ID_BYTES:
        raise InvalidPasskey
    _spend(challenge)
    try:
        with transaction.atomic():
            return Passkey.objects.create(
                user=user,
                name=name or DEFAULT_NAME,
                credential_id=verified.credential_id,
                public_key=verified.credential_public_key,
                sign_count=verified.sign_count,
                transports=_transports(credential),
                is_backup_eligible=_is_backup_eligible(verified),
                is_backed_up=verified.credential_backed_up,
            )
    except IntegrityError as error:
        raise InvalidPasskey from error


# ── Parts ────────────────────────────────────────────────────────────────────────────────────────────────
def _make_token(purpose: str, subject: str) -> str:
    return signing.dumps([purpose, subject, secrets.token_urlsafe(24)], salt=_SALT)


def _check_token(token: str, purpose: str, subject: str) -> None:
    """Raises InvalidPasskey for a token that is forged, expired, or of another ceremony or user."""
    try:
        found = signing.loads(token, salt=_SALT, max_age=LIFETIME)
    except signing.BadSignature as error:
        raise InvalidPasskey from error
    if found[:2] != [purpose, subject]:
        raise InvalidPasskey


def challenge_bytes(challenge: str) -> bytes:
    """What the authenticator signs."""
    return hashlib.sha256(challenge.encode()).digest()


def _spend(challenge: str) -> None:
    """Raises InvalidPasskey if the challenge was answered before. One of two concurrent requests inserts the row."""
    expires_at = timezone.now() + LIFETIME
    digest = challenge_bytes(challenge).hex()
    if not SpentChallenge.objects.get_or_create(digest=digest, defaults={"expires_at": expires_at})[1]:
        raise InvalidPasskey


def _checked(verify: Callable[[], T]) -> T:
    """The result of the library. Its parsers raise whatever malformed bytes provoke; each is a refusal."""
    try:
        return verify()
    except Exception as error:
        raise InvalidPasskey from error


def _credential_id(credential: dict[str, Any]) -> bytes:
    return _checked(lambda: base64url_to_bytes(credential["rawId"]))


def _check_user_handle(credential: dict[str, Any], passkey: Passkey, *, required: bool) -> None:
    """Raises InvalidPasskey unless the authenticator names the owner. It may leave that out if we named the passkey."""
    encoded = credential["response"].get("userHandle")
    if encoded is None and not required:
        return
    if _checked(lambda: base64url_to_bytes(encoded)) != passkey.user_id.bytes:
        raise InvalidPasskey


def _check_frame(credential: dict[str, Any]) -> None:
    """Raises InvalidPasskey if a page of another site had our page in a frame. The library does not look at that."""
    encoded = credential["response"]["clientDataJSON"]
    if _checked(lambda: parse_client_data_json(base64url_to_bytes(encoded))).cross_origin:
        raise InvalidPasskey


def _is_backup_eligible(verified: Any) -> bool:
    return bool(verified.credential_device_type == CredentialDeviceType.MULTI_DEVICE)


def _transports(credential: dict[str, Any]) -> list[str]:
    """How a browser reaches the authenticator. Names that the library does not know are dropped."""
    known = {each.value for each in AuthenticatorTransport}
    return [name for name in credential["response"].get("transports", []) if isinstance(name, str) and name in known]


def _descriptors(user: User) -> list[PublicKeyCredentialDescriptor]:
    return [
        PublicKeyCredentialDescriptor(
            id=bytes(passkey.credential_id),
            transports=[AuthenticatorTransport(name) for name in passkey.transports] or None,
        )
        for passkey in user.passkeys.order_by("id")
    ]


def _timeout() -> int:
    """In milliseconds."""
    return int(LIFETIME.total_seconds() * 1000)
