"""Who is calling: a bearer token of a live session of an account in good standing."""

from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from apps.accounts import session_cache, tokens
from apps.accounts.models import User
from apps.accounts.session_cache import Identity
from apps.core.errors import InvalidToken


class BearerAuthentication(BaseAuthentication):
    """`request.user` is the caller, `request.auth` their Identity; without a header, nobody."""

    def authenticate(self, request: Request) -> tuple[User, Identity] | None:
        header = request.META.get("HTTP_AUTHORIZATION")
        if header is None:
            return None
        scheme, _, token = header.partition(" ")
        claims = tokens.read_access_token(token.strip()) if scheme.lower() == "bearer" else None
        if claims is None:
            raise InvalidToken
        identity = session_cache.identify(claims.user_id, claims.session_id)
        if identity is None:
            raise InvalidToken
        return identity.user, identity

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"
