"""Password rules: 8 to 1,024 code points, not common, not similar to the user's names; compared in NFC.

Keyboards and operating systems type the same password in different Unicode forms (RFC 8265, OpaqueString).
"""

import unicodedata
from typing import TYPE_CHECKING

from django.conf import settings
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from apps.core.errors import Invalid

if TYPE_CHECKING:
    from apps.accounts.models import User


def normalise(typed: str) -> str:
    """The form of a password that is hashed and checked."""
    return unicodedata.normalize("NFC", typed)


def is_too_long(password: str) -> bool:
    """Whether the password must not be hashed, because hashing a huge password is an attack."""
    return len(password) > settings.PASSWORD_MAX_LENGTH


def validate(typed: str, *, user: "User", field: str = "password") -> None:
    """Raises Invalid, naming `field`."""
    password = normalise(typed)
    if is_too_long(password):
        limit = _("At most {max_length} characters.").format(max_length=settings.PASSWORD_MAX_LENGTH)
        raise Invalid(**{field: ("too_long", limit)})
    try:
        validate_password(password, user)
    except ValidationError as error:
        first = error.error_list[0]
        raise Invalid(**{field: (first.code or "invalid", " ".join(error.messages))}) from error
