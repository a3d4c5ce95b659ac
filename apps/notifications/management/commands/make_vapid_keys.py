"""`manage.py make_vapid_keys`: generate a key pair for Web Push."""

import base64
from typing import Any

from cryptography.hazmat.primitives import serialization
from django.core.management.base import BaseCommand
from py_vapid import Vapid02


class Command(BaseCommand):
    help = (
        "Print a new pair of VAPID keys (RFC 8292) as environment variables. Generate them once: browsers that "
        "subscribed with another public key must subscribe again."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        vapid = Vapid02()
        vapid.generate_keys()
        private = vapid.private_key.private_numbers().private_value.to_bytes(32)
        public = vapid.public_key.public_bytes(
            serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
        )
        self.stdout.write(f"VAPID_PRIVATE_KEY={_encoded(private)}")
        self.stdout.write(f"VAPID_PUBLIC_KEY={_encoded(public)}")


def _encoded(key: bytes) -> str:
    return base64.urlsafe_b64encode(key).rstrip(b"=").decode()
