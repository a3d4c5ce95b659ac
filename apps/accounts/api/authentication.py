"""Who is calling: a bearer token of a live session of an account in good standing."""

from collections.abc import Callable
from uuid import UUID

from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from apps.accounts import session_cache, tokens
from apps.accounts.models import User
from apps.accounts.session_cache import Identity
from apps.core import cache
from apps.core.api.throttling import bucket_for, view_of
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
        bucket, along = bucket_for(request, claims.user_id), _asked_along(request, claims.user_id)
        identity = session_cache.identify(claims.user_id, claims.session_id, bucket=bucket, along=along)
        if identity is None:
            raise InvalidToken
        request._request.authenticated_id = str(identity.user.pk)  # type: ignore[attr-defined]  # for the log line
        return identity.user, identity

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


def _asked_along(request: Request, user_id: UUID) -> cache.Question | None:
    """By the view, if it is an Endpoint; a view of a library asks for nothing."""
    asks: Callable[[Request, UUID], cache.Question | None] | None = getattr(view_of(request), "asks_along", None)
    return asks(request, user_id) if asks else None
