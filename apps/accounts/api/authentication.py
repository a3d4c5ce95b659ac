"""Authentication of API requests: a bearer token of a live session of an active account."""

from typing import Any

from rest_framework.request import Request
from rest_framework_simplejwt import exceptions as simplejwt
from rest_framework_simplejwt.authentication import JWTAuthentication

from apps.accounts import session_cache
from apps.accounts.models import User
from apps.core.errors import InvalidToken


class BearerAuthentication(JWTAuthentication):
    """Sets `request.user` to the account and `request.auth` to its `tokens.AccessToken`.

    A request without an Authorization header is anonymous. Raises InvalidToken for every other header that is not a
    valid token, also on endpoints that are open to anonymous callers.
    """

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"

    def get_raw_token(self, header: bytes) -> bytes:
        scheme, _, token = header.partition(b" ")
        if scheme.lower() != b"bearer":
            raise InvalidToken
        return token.strip()

    def get_validated_token(self, raw_token: bytes) -> Any:
        try:
            return super().get_validated_token(raw_token)
        except simplejwt.InvalidToken as error:
            raise InvalidToken from error

    def get_user(self, validated_token: Any) -> User:  # type: ignore[override]
        user = session_cache.get_user(validated_token.user_id, validated_token.session_id)
        if user is None:
            raise InvalidToken
        return user
