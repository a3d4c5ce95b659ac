"""Refresh tokens: `<session>.<generation>.<mac>`.

The MAC over the session's nonce proves that we issued the token, the generation says whether it is the one that may be
presented. This module is separate from `tokens.py` because workers import it: the libraries of JWTs have 4 MB.
"""

import base64
import hashlib
import hmac
from uuid import UUID

from django.conf import settings

from apps.accounts.models import Session
from apps.core.db.ids import parse_id


def issue(session: Session, generation: int) -> str:
    return f"{session.pk}.{generation}.{_mac(settings.JWT_SIGNING_KEY, session, generation)}"


def parse(token: str) -> tuple[UUID, int] | None:
    """(session id, generation) as the token claims; `is_valid` verifies the claim."""
    parts = token.split(".")
    if len(parts) != 3 or not (parts[1].isascii() and parts[1].isdigit() and len(parts[1]) < 10):
        return None
    session_id = parse_id(parts[0])
    return (session_id, int(parts[1])) if session_id else None


def is_valid(token: str, session: Session, generation: int) -> bool:
    """Whether we issued `token` for this session and generation."""
    presented = token.rsplit(".", 1)[1].encode(errors="replace")
    return any(hmac.compare_digest(presented, _mac(key, session, generation).encode()) for key in signing_keys())


def find_session(token: str) -> tuple[Session, int] | None:
    """The session of a refresh token that we issued, with its user and avatar, and the generation of the token.

    The session may have ended, and the token may be used. None for any other token.
    """
    if parsed := parse(token):
        session_id, generation = parsed
        session = Session.objects.select_related("user__avatar").filter(pk=session_id).first()
        if session and is_valid(token, session, generation):
            return session, generation
    return None


def signing_keys() -> tuple[str, ...]:
    """The signing key, and former keys whose tokens are still accepted."""
    return (settings.JWT_SIGNING_KEY, *settings.JWT_SIGNING_KEY_FALLBACKS)


def _mac(key: str, session: Session, generation: int) -> str:
    message = f"refresh|{session.pk}|{session.nonce}|{generation}"
    digest = hmac.digest(key.encode(), message.encode(), hashlib.sha256)
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
