"""What a password must be: 8 to 1,024 code points, taken as typed, not common, not the person's own name."""

from django.conf import settings
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError

from apps.accounts.models import User
from apps.core.errors import Invalid


def require_fit(password: str, *, user: User, field: str = "password") -> None:
    """Raises Invalid, naming `field`. The upper bound comes first: hashing a huge one is an attack."""
    if len(password) > settings.PASSWORD_MAX_LENGTH:
        raise Invalid(**{field: ("too_long", f"At most {settings.PASSWORD_MAX_LENGTH} characters.")})
    try:
        validate_password(password, user)
    except ValidationError as error:
        first = error.error_list[0]
        raise Invalid(**{field: (first.code or "invalid", " ".join(error.messages))}) from error
