"""The second step of sign-in in a browser, for users who have set up two-factor.

The form of the second step has a signed proof that the first step has checked the password.
"""

from django.core import signing
from django.utils.crypto import constant_time_compare

from apps.accounts.models import User

_SALT = "photogram.console.sign-in"
# How long the second step may take.
SECONDS = 600


def make_proof(user: User) -> str:
    """A proof that the password of the user was checked. It is worthless after the password has changed."""
    return signing.dumps([str(user.pk), user.get_session_auth_hash()], salt=_SALT)


def find_user(proof: str) -> User | None:
    """The user of whom this is a proof, of whatever state. None if the proof is forged or older than SECONDS."""
    try:
        pk, state = signing.loads(proof, salt=_SALT, max_age=SECONDS)
    except signing.BadSignature:
        return None
    user: User | None = User.objects.not_erased().filter(pk=pk).first()
    is_current = user is not None and constant_time_compare(user.get_session_auth_hash(), state)
    return user if is_current else None
