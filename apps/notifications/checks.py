"""A system check: the two VAPID keys are a pair."""

from typing import Any

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.conf import settings
from django.core.checks import CheckMessage, Error, register
from py_vapid import Vapid02
from py_vapid.utils import b64urlencode


@register()
def vapid_keys_are_a_pair(**_: Any) -> list[CheckMessage]:
    """Otherwise push services refuse the messages: browsers subscribe with the public key, the private key signs."""
    if not settings.VAPID_PRIVATE_KEY:
        return []
    try:
        public = Vapid02.from_string(settings.VAPID_PRIVATE_KEY).public_key
        derived = b64urlencode(public.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint))
    except ValueError:
        derived = None
    if derived == settings.VAPID_PUBLIC_KEY:
        return []
    hint = "`manage.py make_vapid_keys` prints a pair. Browsers that subscribed with another key must subscribe again."
    return [Error("VAPID_PRIVATE_KEY and VAPID_PUBLIC_KEY are not a pair.", hint=hint, id="photogram.E003")]
