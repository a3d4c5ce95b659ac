"""A system check: the two VAPID keys are one pair."""

from typing import Any

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.conf import settings
from django.core.checks import CheckMessage, Error, register
from py_vapid import Vapid02
from py_vapid.utils import b64urlencode


@register()
def vapid_keys_are_a_pair(**_: Any) -> list[CheckMessage]:
    """Browsers would subscribe with one key, and push services refuse what the other has signed."""
    if not settings.VAPID_PRIVATE_KEY:
        return []
    try:
        public = Vapid02.from_string(settings.VAPID_PRIVATE_KEY).public_key
        derived = b64urlencode(public.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint))
    except ValueError:
        derived = None
    if derived == settings.VAPID_PUBLIC_KEY:
        return []
    hint = "manage.py make_vapid_keys prints a pair; whoever has subscribed with the former one must do so again."
    return [Error("VAPID_PRIVATE_KEY and VAPID_PUBLIC_KEY are no pair.", hint=hint, id="photogram.E003")]
