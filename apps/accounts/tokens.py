"""Access tokens: a JWT (RFC 7519, RFC 9068) is valid for a few minutes and names a session in its claim `sid`."""

import functools
from contextlib import suppress
from typing import Any
from uuid import UUID

import jwt
from rest_framework_simplejwt import tokens as simplejwt
from rest_framework_simplejwt.backends import TokenBackend
from rest_framework_simplejwt.exceptions import TokenBackendError, TokenBackendExpiredToken, TokenError
from rest_framework_simplejwt.settings import api_settings

from apps.accounts.models import Session
from apps.accounts.refresh_tokens import signing_keys
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
        return _backend_with(signing_keys())

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


def get_signed_session_id(token: bytes) -> UUID | None:
    """The session that an access token names, if we signed it, whether it has expired or not. None for any other."""
    for key in signing_keys():
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
