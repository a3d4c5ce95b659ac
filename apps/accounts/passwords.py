"""Password rules: 8 to 1,024 code points, taken as typed, not common, not similar to the user's names."""

from django.conf import settings
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError

from apps.accounts.models import User
from apps.core.errors import Invalid


def validate(password: str, *, user: User, field: str = "password") -> None:
    """Raises Invalid, naming `field`. The maximum is checked first, because hashing a huge password is an attack."""
    if len(password) > settings.PASSWORD_MAX_LENGTH:
        raise Invalid(**{field: ("too_long", f"At most {settings.PASSWORD_MAX_LENGTH} characters.")})
    try:
        validate_password(password, user)
    except ValidationError as error:
        first = error.error_list[0]
        raise Invalid(**{field: (first.code or "invalid", " ".join(error.messages))}) from error
