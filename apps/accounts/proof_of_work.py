"""A proof of work at sign-up, as ALTCHA specifies it (version 2 of its challenges), without a third party.

The client derives keys with growing counters until one has the prefix of the challenge. A challenge is signed, so
nothing of it is stored; a solution is accepted once, until the challenge expires.
"""

import base64
import json
import secrets
from datetime import timedelta
from typing import Any

import altcha
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext_lazy as _

from apps.core import cache
from apps.core.errors import Unprocessable
from apps.core.models import RateBucket

LIFETIME = timedelta(minutes=20)
ALGORITHM = "PBKDF2/SHA-256"
# A derivation takes about three milliseconds, so a browser needs about a second, on a telephone a few.
ITERATIONS = 5000
LEAST_TRIES, MOST_TRIES = 100, 400


class ProofOfWorkRequired(Unprocessable):
    code, title = "proof_of_work_required", _("The security check was missing, expired or used before. Try again.")


def make_challenge() -> dict[str, Any]:
    """A challenge as ALTCHA's clients expect it."""
    challenge = altcha.create_challenge(
        ALGORITHM,
        ITERATIONS,
        counter=LEAST_TRIES + secrets.randbelow(MOST_TRIES - LEAST_TRIES + 1),
        expires_at=timezone.now() + LIFETIME,
        hmac_secret=_key("challenge"),
        hmac_key_secret=_key("solution"),
    )
    return challenge.to_dict()


def require(solution: str) -> None:
    """Accept a solution, once. Raises ProofOfWorkRequired."""
    result = altcha.verify_solution(solution, _key("challenge"), hmac_key_secret=_key("solution"))
    if not result.verified or not _is_first_use(_nonce_of(solution)):
        raise ProofOfWorkRequired


def _nonce_of(solution: str) -> str:
    """The random part of a challenge, which identifies it. It is signed."""
    return str(json.loads(base64.b64decode(solution))["challenge"]["parameters"]["nonce"])


def _is_first_use(nonce: str) -> bool:
    key, seconds = cache.key("proof", nonce), int(LIFETIME.total_seconds())
    try:
        return bool(cache.call(lambda client: client.set(key, 1, ex=seconds, nx=True)))
    except cache.RedisUnavailable:
        return _is_first_use_in_database(key)


def _is_first_use_in_database(key: str) -> bool:
    try:
        with transaction.atomic():
            RateBucket.objects.create(key=key, count=1, expires_at=timezone.now() + LIFETIME)
    except IntegrityError:
        return False
    return True


def _key(purpose: str) -> bytes:
    return salted_hmac(f"photogram.proof-of-work.{purpose}", "", algorithm="sha256").digest()
