"""Two-factor authentication of staff: time-based codes from an app (RFC 6238), and recovery codes that work once.

django-otp provides the device and accepts each time-based code once. It stores recovery codes as plain text, therefore
ours are digests (docs/decisions/0008-console-and-second-factor.md).
"""

import secrets

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django_otp.plugins.otp_totp.models import TOTPDevice

from apps.accounts.mails import digest
from apps.accounts.models import RecoveryCode, Session, User
from apps.core.errors import BadRequest, Conflict, Forbidden

RECOVERY_CODES = 10
# Without characters that look alike. Sixteen of them are 79 bits, enough for a plain digest.
_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"
_LENGTH, _GROUP, _DIGITS = 16, 4, 6
NAME = "Authenticator app"


class WrongCode(BadRequest):
    code, title = "wrong_code", _("That code is wrong, has expired, or was used before.")


class TwoFactorRequired(Forbidden):
    code, title = "two_factor_required", _("Moderating takes a second factor; sign in with an authentication code.")


class AlreadyEnrolled(Conflict):
    code, title = "already_enrolled", _("Two-factor is set up for this account.")


class NotEnrolled(Conflict):
    code, title = "not_enrolled", _("Two-factor is not set up for this account.")


def device_of(user: User) -> TOTPDevice | None:
    """The confirmed device, or None if the user has not set up two-factor."""
    device: TOTPDevice | None = TOTPDevice.objects.filter(user=user, confirmed=True).first()
    return device


def is_required() -> bool:
    """Whether all staff need a second factor; otherwise only users who have set it up do."""
    return bool(settings.STAFF_TWO_FACTOR == "required")


def carries_rank(session: Session) -> bool:
    """Whether the session may use the rank of its user: with a second factor if one is set up or required."""
    if session.two_factor or not session.user.ranks:
        return True
    return not is_required() and device_of(session.user) is None


def withholds_rank(user: User) -> bool:
    """Whether `request.user` has a rank that the session may not use."""
    if user.ranks:
        return False
    account = User.objects.filter(pk=user.pk).first()
    return account is not None and bool(account.ranks)


def persistent_id(device_pk: int | None) -> str | None:
    """The value that django-otp stores in a session that was opened with this device."""
    return TOTPDevice(pk=device_pk).persistent_id if device_pk else None


def begin(user: User) -> TOTPDevice:
    """The unconfirmed device with its secret, the same one until it is confirmed. Raises AlreadyEnrolled."""
    device: TOTPDevice = TOTPDevice.objects.filter(user=user).first() or _new_device(user)
    if device.confirmed:
        raise AlreadyEnrolled
    return device


@transaction.atomic
def _new_device(user: User) -> TOTPDevice:
    """Concurrent requests get the same device."""
    _lock(user)
    device: TOTPDevice = TOTPDevice.objects.get_or_create(user=user, defaults={"name": NAME, "confirmed": False})[0]
    return device


@transaction.atomic
def confirm(user: User, code: str) -> tuple[TOTPDevice, list[str]]:
    """Confirm the device with a code of the app; from now on signing in asks for a code.

    Returns the device and the recovery codes, which cannot be read again. Raises WrongCode, AlreadyEnrolled.
    """
    _lock(user)
    if device_of(user):
        raise AlreadyEnrolled
    device = TOTPDevice.objects.filter(user=user, confirmed=False).first()
    if device is None or not device.verify_token(_normalised(code)):
        raise WrongCode
    device.confirmed = True
    device.save(update_fields=["confirmed"])
    return device, _new_recovery_codes(user)


@transaction.atomic
def accept(user: User, code: str) -> TOTPDevice | None:
    """The device if `code` is valid, otherwise None. A code of the app or a recovery code works once."""
    device: TOTPDevice | None = TOTPDevice.objects.select_for_update().filter(user=user, confirmed=True).first()
    if device is None:
        return None
    typed = _normalised(code)
    if not is_recovery_code(code):
        return device if device.verify_token(typed) else None
    # Of two concurrent requests, one finds the code used.
    unused = RecoveryCode.objects.filter(user=user, digest=digest(typed), used_at=None)
    return device if unused.update(used_at=timezone.now()) else None


def is_recovery_code(code: str) -> bool:
    """Everything that does not look like a code of the app is treated as a recovery code."""
    typed = _normalised(code)
    return not (len(typed) == _DIGITS and typed.isascii() and typed.isdigit())


@transaction.atomic
def renew_recovery_codes(user: User) -> list[str]:
    """Replace the recovery codes by ten new ones. Raises NotEnrolled."""
    _lock(user)
    if device_of(user) is None:
        raise NotEnrolled
    return _new_recovery_codes(user)


@transaction.atomic
def remove(user: User) -> bool:
    """Remove device and recovery codes; no session has a second factor any more. Returns whether there was a device."""
    _lock(user)
    Session.objects.filter(user=user, two_factor=True).update(two_factor=False)
    RecoveryCode.objects.filter(user=user).delete()
    removed, _ = TOTPDevice.objects.filter(user=user).delete()
    return bool(removed)


def recovery_codes_left(user: User) -> int:
    return RecoveryCode.objects.filter(user=user, used_at=None).count()


def _lock(user: User) -> None:
    User.objects.select_for_update(no_key=True).get(pk=user.pk)


def _new_recovery_codes(user: User) -> list[str]:
    RecoveryCode.objects.filter(user=user).delete()
    codes = ["".join(secrets.choice(_ALPHABET) for _ in range(_LENGTH)) for _ in range(RECOVERY_CODES)]
    RecoveryCode.objects.bulk_create(RecoveryCode(user=user, digest=digest(code)) for code in codes)
    return ["-".join(code[at : at + _GROUP] for at in range(0, _LENGTH, _GROUP)) for code in codes]


def _normalised(code: str) -> str:
    """Accepts groups, capitals and spaces."""
    return code.lower().replace("-", "").replace(" ", "")[:64]
