"""The question whether a deactivated account is to become visible again.

Its form has a signed proof that the member has passed all steps of signing in.
"""

from uuid import UUID

from django.core import signing
from django.utils.crypto import constant_time_compare

from apps.accounts.models import User

_SALT = "photogram.web.reactivation"
# How long the answer may take.
SECONDS = 600


def make_proof(user_id: UUID, *, two_factor: bool) -> str:
    """`two_factor`: whether the member has shown a second factor. It is worthless after the password has changed."""
    user: User = User.objects.get(pk=user_id)
    return signing.dumps([str(user.pk), user.get_session_auth_hash(), two_factor], salt=_SALT)


def read_proof(proof: str) -> tuple[UUID, bool] | None:
    """The id of the user and `two_factor`. None if the proof is forged or older than SECONDS."""
    try:
        pk, password_state, two_factor = signing.loads(proof, salt=_SALT, max_age=SECONDS)
    except signing.BadSignature:
        return None
    user: User | None = User.objects.not_erased().filter(pk=pk).first()
    if user is None or not constant_time_compare(user.get_session_auth_hash(), password_state):
        return None
    return user.pk, two_factor
