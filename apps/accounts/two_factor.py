"""The second factors of a user: an authenticator app (RFC 6238), passkeys, and recovery codes that work once.

django-otp provides the app's device and accepts each time-based code once. It stores recovery codes as plain text,
therefore ours are digests. Passkeys are in `passkeys.py`. A user who has an app or a passkey is asked for a second
factor at every sign-in (docs/decisions/0036-second-factors.md). Every change is a security event, which is mailed.
"""

import importlib
import secrets
from base64 import b32encode
from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django_otp.plugins.otp_totp.models import TOTPDevice

from apps.accounts import security
from apps.accounts.mails import digest
from apps.accounts.models import Passkey, RecoveryCode, SecurityEvent, Session, User
from apps.core.errors import BadRequest, Conflict, Forbidden, NotFound, Unauthorized

Kind = SecurityEvent.Kind
RECOVERY_CODES = 10
# Without characters that look alike. Sixteen of them are 79 bits, enough for a plain digest.
_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"
_LENGTH, _GROUP, _DIGITS = 16, 4, 6
NAME = "Authenticator app"
# Ways to prove the identity in the second step of signing in.
TOTP, PASSKEY, RECOVERY_CODE = "totp", "passkey", "recovery_code"
METHODS = [TOTP, PASSKEY, RECOVERY_CODE]


class SecondFactorRequired(Unauthorized):
    """The password was right, and the user has a second factor. `api/second_step.py` adds how to go on."""

    code, title = "second_factor_required", _("Enter a code, or use a passkey.")


class WrongCode(BadRequest):
    code, title = "wrong_code", _("That code is wrong, has expired, or was used before.")


class TwoFactorRequired(Forbidden):
    code, title = "two_factor_required", _("Moderating takes a second factor. Set it up in the console first.")


class AlreadyEnrolled(Conflict):
    code, title = "already_enrolled", _("Two-factor is set up for this account.")


class NotEnrolled(Conflict):
    code, title = "not_enrolled", _("Two-factor is not set up for this account.")


# ── Whether there is one ─────────────────────────────────────────────────────────────────────────────────
def device_of(user: User) -> TOTPDevice | None:
    """The confirmed authenticator app, or None if the user has not set one up."""
    device: TOTPDevice | None = TOTPDevice.objects.filter(user=user, confirmed=True).first()
    return device


def enrolled() -> Q:
    """The condition that a user has an authenticator app or a passkey."""
    app = TOTPDevice.objects.filter(user=OuterRef("pk"), confirmed=True)
    return Q(Exists(app)) | Q(Exists(Passkey.objects.filter(user=OuterRef("pk"))))


def is_enrolled(user: User) -> bool:
    return bool(User.objects.filter(enrolled(), pk=user.pk).exists())


def methods_of(user: User) -> list[str]:
    """The ways in which the user can complete a sign-in, in the order of METHODS."""
    has = {
        TOTP: device_of(user) is not None,
        PASSKEY: user.passkeys.exists(),
        RECOVERY_CODE: bool(recovery_codes_left(user)),
    }
    return [method for method in METHODS if has[method]]


def is_required() -> bool:
    """Whether all staff need a second factor; otherwise only users who have set it up do."""
    return bool(settings.STAFF_TWO_FACTOR == "required")


def require(user: User) -> None:
    """Refuse to open a session without a second factor. Raises SecondFactorRequired; for staff who must set one up
    first, TwoFactorRequired."""
    if is_enrolled(user):
        raise SecondFactorRequired
    if is_required() and user.ranks:
        raise TwoFactorRequired


def carries_rank(session: Session) -> bool:
    """Whether the session may use the rank of its user: with a second factor if one is set up or required."""
    if session.two_factor or not session.user.ranks:
        return True
    return not is_required() and not is_enrolled(session.user)


def withholds_rank(user: User) -> bool:
    """Whether `request.user` has a rank that the session may not use."""
    if user.ranks:
        return False
    account = User.objects.filter(pk=user.pk).first()
    return account is not None and bool(account.ranks)


# ── The authenticator app ────────────────────────────────────────────────────────────────────────────────
def begin(user: User) -> TOTPDevice:
    """The unconfirmed device with its secret, the same one until it is confirmed. Raises AlreadyEnrolled."""
    device: TOTPDevice = TOTPDevice.objects.filter(user=user).first() or _new_device(user)
    if device.confirmed:
        raise AlreadyEnrolled
    return device


def secret_of(device: TOTPDevice) -> str:
    """The secret as apps take it when it is typed."""
    return b32encode(device.bin_key).decode().rstrip("=")


@transaction.atomic
def _new_device(user: User) -> TOTPDevice:
    """Concurrent requests get the same device."""
    _lock(user)
    device: TOTPDevice = TOTPDevice.objects.get_or_create(user=user, defaults={"name": NAME, "confirmed": False})[0]
    return device


@transaction.atomic
def confirm(user: User, code: str, *, session_id: UUID | None = None) -> tuple[TOTPDevice, list[str]]:
    """Confirm the device with a code of the app; from now on signing in asks for a second factor.

    Returns the device and the new recovery codes, which cannot be read again; none if the user has some already.
    `session_id`: the session in which the user does so, here and below. Raises WrongCode, AlreadyEnrolled.
    """
    _lock(user)
    if device_of(user):
        raise AlreadyEnrolled
    device = TOTPDevice.objects.filter(user=user, confirmed=False).first()
    if device is None or not device.verify_token(_normalised(code)):
        raise WrongCode
    device.confirmed = True
    device.save(update_fields=["confirmed"])
    security.record(user, Kind.TWO_FACTOR_ADDED, session_id=session_id)
    return device, _ensure_recovery_codes(user)


@transaction.atomic
def remove_app(user: User, *, session_id: UUID | None = None) -> None:
    """Remove the authenticator app. Raises NotEnrolled, and TwoFactorRequired for the last factor that staff need."""
    locked = _lock(user)
    removed, _details = TOTPDevice.objects.filter(user=user, confirmed=True).delete()
    if not removed:
        raise NotEnrolled
    _finish_removal(locked)
    security.record(locked, Kind.TWO_FACTOR_REMOVED, session_id=session_id)


# ── Passkeys ─────────────────────────────────────────────────────────────────────────────────────────────
@transaction.atomic
def add_passkey(
    user: User,
    *,
    challenge: str,
    credential: dict[str, Any],
    name: str = "",
    session_id: UUID | None = None,
) -> tuple[Passkey, list[str]]:
    """Store a passkey; from now on signing in asks for a second factor.

    Returns it and the new recovery codes, as `confirm` does. Raises InvalidPasskey, TooManyPasskeys.
    """
    _lock(user)
    # Not at the top: workers import this module and add no passkey. The library of passkeys needs 4 MB.
    passkeys = importlib.import_module("apps.accounts.passkeys")
    passkey: Passkey = passkeys.register(user, challenge=challenge, credential=credential, name=name)
    security.record(user, Kind.PASSKEY_ADDED, detail=passkey.name, session_id=session_id)
    return passkey, _ensure_recovery_codes(user)


@transaction.atomic
def rename_passkey(user: User, passkey_id: UUID, *, name: str) -> Passkey:
    """Raises NotFound."""
    passkey = _find_passkey(user, passkey_id)
    passkey.name = name
    passkey.save(update_fields=["name"])
    return passkey


@transaction.atomic
def remove_passkey(user: User, passkey_id: UUID, *, session_id: UUID | None = None) -> None:
    """Raises NotFound, and TwoFactorRequired for the last factor that staff need."""
    locked = _lock(user)
    passkey = _find_passkey(user, passkey_id)
    passkey.delete()
    _finish_removal(locked)
    security.record(locked, Kind.PASSKEY_REMOVED, detail=passkey.name, session_id=session_id)


def _find_passkey(user: User, passkey_id: UUID) -> Passkey:
    passkey: Passkey | None = user.passkeys.select_for_update().filter(pk=passkey_id).first()
    if passkey is None:
        raise NotFound
    return passkey


# ── Using one ────────────────────────────────────────────────────────────────────────────────────────────
@transaction.atomic
def accept(user: User, code: str, *, address: str | None = None, user_agent: str = "") -> str | None:
    """The method (TOTP or RECOVERY_CODE) if `code` is valid, otherwise None. Each code works once.

    `address` and `user_agent` are those of the client.
    """
    typed = _normalised(code)
    if not is_recovery_code(code):
        device = TOTPDevice.objects.select_for_update().filter(user=user, confirmed=True).first()
        return TOTP if device and device.verify_token(typed) else None
    # Of two concurrent requests, one finds the code used.
    unused = RecoveryCode.objects.filter(user=user, digest=digest(typed), used_at=None)
    if not unused.update(used_at=timezone.now()):
        return None
    security.record(user, Kind.RECOVERY_CODE_USED, address=address, user_agent=user_agent)
    return RECOVERY_CODE


def is_recovery_code(code: str) -> bool:
    """Everything that does not look like a code of the app is treated as a recovery code."""
    typed = _normalised(code)
    return not (len(typed) == _DIGITS and typed.isascii() and typed.isdigit())


# ── Recovery ─────────────────────────────────────────────────────────────────────────────────────────────
@transaction.atomic
def renew_recovery_codes(user: User, *, session_id: UUID | None = None) -> list[str]:
    """Replace the recovery codes by ten new ones. Raises NotEnrolled."""
    _lock(user)
    if not is_enrolled(user):
        raise NotEnrolled
    security.record(user, Kind.RECOVERY_CODES_RENEWED, session_id=session_id)
    return _new_recovery_codes(user)


@transaction.atomic
def remove(user: User) -> bool:
    """Remove all second factors. Returns whether there was one."""
    _lock(user)
    was_enrolled = is_enrolled(user)
    TOTPDevice.objects.filter(user=user).delete()
    user.passkeys.all().delete()
    _forget(user)
    return was_enrolled


@transaction.atomic
def remove_added_since(user: User, since: datetime) -> None:
    """Remove the factors and recovery codes that were set up since then, in an account that others had taken over."""
    _lock(user)
    TOTPDevice.objects.filter(user=user, created_at__gte=since).delete()
    user.passkeys.filter(created_at__gte=since).delete()
    RecoveryCode.objects.filter(user=user, created_at__gte=since).delete()
    if not is_enrolled(user):
        _forget(user)


def announce_reset(user: User) -> None:
    """Tell the user that staff or an operator has removed all second factors."""
    security.record(user, Kind.TWO_FACTOR_RESET)


def _finish_removal(user: User) -> None:
    """After the removal of a factor: without another one the recovery codes are worthless."""
    if not is_enrolled(user):
        if is_required() and user.ranks:
            raise TwoFactorRequired
        _forget(user)


def _forget(user: User) -> None:
    """Delete the recovery codes; no session has a second factor any more."""
    Session.objects.filter(user=user, two_factor=True).update(two_factor=False)
    RecoveryCode.objects.filter(user=user).delete()


def recovery_codes_left(user: User) -> int:
    return RecoveryCode.objects.filter(user=user, used_at=None).count()


def _lock(user: User) -> User:
    locked: User = User.objects.select_for_update(no_key=True).get(pk=user.pk)
    return locked


def _ensure_recovery_codes(user: User) -> list[str]:
    """New recovery codes if the user has none that work, otherwise none."""
    return [] if recovery_codes_left(user) else _new_recovery_codes(user)


def _new_recovery_codes(user: User) -> list[str]:
    RecoveryCode.objects.filter(user=user).delete()
    codes = ["".join(secrets.choice(_ALPHABET) for _ in range(_LENGTH)) for _ in range(RECOVERY_CODES)]
    RecoveryCode.objects.bulk_create(RecoveryCode(user=user, digest=digest(code)) for code in codes)
    return ["-".join(code[at : at + _GROUP] for at in range(0, _LENGTH, _GROUP)) for code in codes]


def _normalised(code: str) -> str:
    """Accepts groups, capitals and spaces."""
    return code.lower().replace("-", "").replace(" ", "")[:64]
