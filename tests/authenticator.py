"""A software authenticator for WebAuthn: makes passkeys, and signs with them."""

import base64
import hashlib
import json
import secrets
from dataclasses import dataclass, field
from typing import Any

import cbor2
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from django.conf import settings

from apps.accounts import passkeys, two_factor
from apps.accounts.models import Passkey, User

USER_PRESENT, USER_VERIFIED, BACKUP_ELIGIBLE, BACKED_UP, ATTESTED = 1, 4, 8, 16, 64


def encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def decode(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


@dataclass
class Authenticator:
    """One passkey. `counts`: whether it counts its signatures, as security keys do. Its attributes are what it will
    tell the site, so that a test can let it lie."""

    origin: str = field(default_factory=lambda: settings.PASSKEY_ORIGINS[0])
    is_in_frame: bool = False
    counts: bool = True
    flags: int = USER_PRESENT | USER_VERIFIED
    user_handle: bytes | None = None
    rp_id: str = ""
    count: int = 0
    credential_id: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))

    def create(self, options: dict[str, Any]) -> dict[str, Any]:
        """The response to creation options."""
        self.rp_id, self.user_handle = options["rp"]["id"], decode(options["user"]["id"])
        numbers = self.key.public_key().public_numbers()
        x, y = numbers.x.to_bytes(32, "big"), numbers.y.to_bytes(32, "big")
        public_key = cbor2.dumps({1: 2, 3: -7, -1: 1, -2: x, -3: y})
        attested = bytes(16) + len(self.credential_id).to_bytes(2, "big") + self.credential_id + public_key
        data = self._authenticator_data(self.flags | ATTESTED) + attested
        response = {
            "clientDataJSON": encode(self._client_data("webauthn.create", options)),
            "attestationObject": encode(cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": data})),
            "transports": ["internal"],
        }
        return self._credential(response)

    def get(self, options: dict[str, Any]) -> dict[str, Any]:
        """The response to request options."""
        if self.counts:
            self.count += 1
        data, client_data = self._authenticator_data(self.flags), self._client_data("webauthn.get", options)
        signature = self.key.sign(data + hashlib.sha256(client_data).digest(), ec.ECDSA(hashes.SHA256()))
        response = {
            "clientDataJSON": encode(client_data),
            "authenticatorData": encode(data),
            "signature": encode(signature),
        }
        if self.user_handle is not None:
            response["userHandle"] = encode(self.user_handle)
        return self._credential(response)

    def _authenticator_data(self, flags: int) -> bytes:
        return hashlib.sha256(self.rp_id.encode()).digest() + bytes([flags]) + self.count.to_bytes(4, "big")

    def _client_data(self, type_: str, options: dict[str, Any]) -> bytes:
        data = {"type": type_, "challenge": options["challenge"], "origin": self.origin}
        return json.dumps(data | {"crossOrigin": self.is_in_frame}).encode()

    def _credential(self, response: dict[str, Any]) -> dict[str, Any]:
        identifier = encode(self.credential_id)
        return {"id": identifier, "rawId": identifier, "type": "public-key", "response": response}


def add_passkey(
    user: User, authenticator: Authenticator | None = None, name: str = "Laptop"
) -> tuple[Passkey, Authenticator]:
    """A passkey of the user, and the authenticator that has it."""
    authenticator = authenticator or Authenticator()
    ceremony = passkeys.begin_registration(user)
    credential = authenticator.create(ceremony.options)
    passkey, _ = two_factor.add_passkey(user, challenge=ceremony.challenge, credential=credential, name=name)
    return passkey, authenticator
