"""Access and refresh tokens.

An access token is a JWT (RFC 7519) of a few minutes. A refresh token is `<session>.<generation>.<mac>`: the MAC over
the session's nonce proves that we issued it, the generation says whether it is the one that may be presented.
"""

import base64
import functools
import hashlib
import hmac
import time
from contextlib import suppress
from dataclasses import dataclass
from uuid import UUID

import jwt
from django.conf import settings

from apps.accounts.models import Session
from apps.core.db.ids import new_id, parse_id

ALGORITHM = "HS256"
ISSUER = "photogram"
AUDIENCE = "photogram-api"
# As in RFC 9068: a token of another kind is never taken for an access token.
TYPE = "at+jwt"


@dataclass(frozen=True)
class AccessClaims:
    user_id: UUID
    session_id: UUID


def access_token(session: Session) -> str:
    now = int(time.time())
    return jwt.encode(
        {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": str(session.user_id),
            "sid": str(session.pk),
            "jti": str(new_id()),
            "iat": now,
            "exp": now + int(settings.ACCESS_TOKEN_LIFETIME.total_seconds()),
        },
        settings.JWT_SIGNING_KEY,
        algorithm=ALGORITHM,
        headers={"typ": TYPE},
    )


def read_access_token(token: str) -> AccessClaims | None:
    """The claims of a valid access token, or None. One algorithm; `kid`, `jku` and the like are never looked at."""
    for key in (settings.JWT_SIGNING_KEY, *settings.JWT_SIGNING_KEY_FALLBACKS):
        with suppress(jwt.PyJWTError, ValueError, UnicodeError):
            claims, expires = _verified(token, key)
            return claims if time.time() < expires else None
    return None


@functools.lru_cache(maxsize=4096)
def _verified(token: str, key: str) -> tuple[AccessClaims, int]:
    """The claims and when they expire. A signature that was good stays good: a client's token is checked once in a
    process, and its expiry each time. Raises PyJWTError, ValueError, UnicodeError; what raises is not kept."""
    decoded = jwt.decode_complete(
        token,
        key,
        algorithms=[ALGORITHM],
        audience=AUDIENCE,
        issuer=ISSUER,
        options={"require": ["exp", "iat", "sub", "sid"]},
    )
    user_id, session_id = (parse_id(str(decoded["payload"][claim])) for claim in ("sub", "sid"))
    if decoded["header"].get("typ") != TYPE or not user_id or not session_id:
        raise ValueError("not an access token of ours")
    return AccessClaims(user_id, session_id), int(decoded["payload"]["exp"])


def refresh_token(session: Session, generation: int) -> str:
    return f"{session.pk}.{generation}.{_mac(settings.JWT_SIGNING_KEY, session, generation)}"


def parse_refresh_token(token: str) -> tuple[UUID, int] | None:
    """(session id, generation) as the token claims; `is_ours` says whether to believe it."""
    parts = token.split(".")
    if len(parts) != 3 or not (parts[1].isascii() and parts[1].isdigit() and len(parts[1]) < 10):
        return None
    session_id = parse_id(parts[0])
    return (session_id, int(parts[1])) if session_id else None


def is_ours(token: str, session: Session, generation: int) -> bool:
    presented = token.rsplit(".", 1)[1].encode(errors="replace")
    keys = (settings.JWT_SIGNING_KEY, *settings.JWT_SIGNING_KEY_FALLBACKS)
    return any(hmac.compare_digest(presented, _mac(key, session, generation).encode()) for key in keys)


def _mac(key: str, session: Session, generation: int) -> str:
    message = f"refresh|{session.pk}|{session.nonce}|{generation}"
    digest = hmac.digest(key.encode(), message.encode(), hashlib.sha256)
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
