"""Access and refresh tokens.

An access token is a JWT (RFC 7519, RFC 9068) that is valid for a few minutes and names a session in its claim `sid`.
A refresh token is `<session>.<generation>.<mac>`: the MAC over the session's nonce proves that we issued it, the
generation says whether it is the one that may be presented.
"""

import base64
import functools
import hashlib
import hmac
from contextlib import suppress
from typing import Any
from uuid import UUID

import jwt
from django.conf import settings
from rest_framework_simplejwt import tokens as simplejwt
from rest_framework_simplejwt.backends import TokenBackend
from rest_framework_simplejwt.exceptions import TokenBackendError, TokenBackendExpiredToken, TokenError
from rest_framework_simplejwt.settings import api_settings

from apps.accounts.models import Session
from apps.core.db.ids import parse_id

# Required of a token's header (RFC 9068): a token of another kind is never accepted as an access token.
TYPE = "at+jwt"


class RotatingTokenBackend(TokenBackend):
    """Signs with the first key and accepts tokens that were signed with any of the keys.

    There is one algorithm, and the keys come from the settings: `alg`, `kid` and `jku` of a token choose nothing.
    """

    def __init__(self, keys: tuple[str, ...]) -> None:
        current, *former = [
            {"signing_key": key, "audience": api_settings.AUDIENCE, "issuer": api_settings.ISSUER} for key in keys
        ]
        super().__init__(api_settings.ALGORITHM, **current)
        self.former = [TokenBackend(api_settings.ALGORITHM, **options) for options in former]
        self._verified = functools.lru_cache(maxsize=4096)(self._verify)

    def encode(self, payload: dict[str, Any]) -> str:
        claims = payload | {"aud": self.audience, "iss": self.issuer}
        return jwt.encode(claims, self.prepared_signing_key, algorithm=self.algorithm, headers={"typ": TYPE})

    def decode(self, token: Any, verify: bool = True) -> dict[str, Any]:
        """The claims of a token with a valid signature. Raises TokenBackendError.

        Verified tokens are cached, because a client presents the same token with each request and a signature that
        was valid stays valid. `AccessToken` checks the expiry each time.
        """
        return dict(self._verified(token)) if verify else super().decode(token, verify=False)

    def _verify(self, token: Any) -> dict[str, Any]:
        claims = self._decode_with_any_key(token)
        if jwt.get_unverified_header(token).get("typ") != TYPE:
            raise TokenBackendError("Token has wrong type")
        return claims

    def _decode_with_any_key(self, token: Any) -> dict[str, Any]:
        try:
            return super().decode(token)
        except TokenBackendExpiredToken:
            raise
        except TokenBackendError:
            for backend in self.former:
                with suppress(TokenBackendError):
                    return backend.decode(token)
            raise


@functools.cache
def _backend_with(keys: tuple[str, ...]) -> RotatingTokenBackend:
    return RotatingTokenBackend(keys)


class AccessToken(simplejwt.AccessToken):
    """An access token with the claims iss, aud, sub, sid, jti, iat and exp."""

    @classmethod
    def for_session(cls, session: Session) -> "AccessToken":
        token = cls()
        # The header `typ` says the same.
        del token[api_settings.TOKEN_TYPE_CLAIM]
        token[api_settings.USER_ID_CLAIM] = str(session.user_id)
        token["sid"] = str(session.pk)
        return token

    def get_token_backend(self) -> TokenBackend:
        return _backend_with(_keys())

    def verify(self) -> None:
        """Raises TokenError for an expired or incomplete token."""
        super().verify()
        self.user_id, self.session_id = self._id(api_settings.USER_ID_CLAIM), self._id("sid")

    def verify_token_type(self) -> None:
        """The backend has checked the header `typ`."""

    def _id(self, claim: str) -> UUID:
        pk = parse_id(str(self.get(claim)))
        if pk is None:
            raise TokenError(f"Token has no valid '{claim}' claim")
        return pk


def access_token(session: Session) -> str:
    return str(AccessToken.for_session(session))


def refresh_token(session: Session, generation: int) -> str:
    return f"{session.pk}.{generation}.{_mac(settings.JWT_SIGNING_KEY, session, generation)}"


def parse_refresh_token(token: str) -> tuple[UUID, int] | None:
    """(session id, generation) as the token claims; `is_valid_refresh_token` verifies the claim."""
    parts = token.split(".")
    if len(parts) != 3 or not (parts[1].isascii() and parts[1].isdigit() and len(parts[1]) < 10):
        return None
    session_id = parse_id(parts[0])
    return (session_id, int(parts[1])) if session_id else None


def is_valid_refresh_token(token: str, session: Session, generation: int) -> bool:
    """Whether we issued `token` for this session and generation."""
    presented = token.rsplit(".", 1)[1].encode(errors="replace")
    return any(hmac.compare_digest(presented, _mac(key, session, generation).encode()) for key in _keys())


def find_session(token: str) -> tuple[Session, int] | None:
    """The session of a refresh token that we issued, with its user and avatar, and the generation of the token.

    The session may have ended, and the token may be used. None for any other token.
    """
    if parsed := parse_refresh_token(token):
        session_id, generation = parsed
        session = Session.objects.select_related("user__avatar").filter(pk=session_id).first()
        if session and is_valid_refresh_token(token, session, generation):
            return session, generation
    return None


def get_signed_session_id(token: bytes) -> UUID | None:
    """The session that an access token names, if we signed it, whether it has expired or not. None for any other."""
    for key in _keys():
        with suppress(jwt.InvalidTokenError):
            claims = jwt.decode(
                token,
                key,
                algorithms=[api_settings.ALGORITHM],
                audience=api_settings.AUDIENCE,
                issuer=api_settings.ISSUER,
                options={"verify_exp": False},
            )
            return parse_id(str(claims.get("sid")))
    return None


def _keys() -> tuple[str, ...]:
    """The signing key, and former keys whose tokens are still accepted."""
    return (settings.JWT_SIGNING_KEY, *settings.JWT_SIGNING_KEY_FALLBACKS)


def _mac(key: str, session: Session, generation: int) -> str:
    message = f"refresh|{session.pk}|{session.nonce}|{generation}"
    digest = hmac.digest(key.encode(), message.encode(), hashlib.sha256)
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
