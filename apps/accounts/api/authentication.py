"""Authentication of API requests: a bearer token of a live session of an active or suspended account."""

from typing import Any, cast

from django.http import HttpRequest
from prometheus_client import Counter
from rest_framework.request import Request
from rest_framework_simplejwt import exceptions as simplejwt
from rest_framework_simplejwt.authentication import JWTAuthentication

from apps.accounts import services, session_cache, tokens
from apps.accounts.models import User
from apps.core.api import throttling
from apps.core.api.addresses import client_network
from apps.core.errors import InvalidToken

INVALID_TOKENS = Counter("photogram_invalid_access_tokens_total", "Requests with an invalid access token.")


def is_moderator(request: Request | HttpRequest) -> bool:
    """Whether the caller has the role moderator or admin, and has signed in with a second factor if it takes one."""
    return bool(getattr(request.user, "is_moderator", False))


class BearerAuthentication(JWTAuthentication):
    """Sets `request.user` to the account and `request.auth` to its `tokens.AccessToken`.

    A request without an Authorization header is anonymous. Raises InvalidToken for every other header that is not a
    valid token, also on endpoints that are open to anonymous callers, and TooManyRequests for too many of these.
    Raises AccountSuspended for a restricted session, except in the `restricted_actions` of the view.
    """

    def authenticate(self, request: Request) -> tuple[Any, Any] | None:
        try:
            found = super().authenticate(request)
        except InvalidToken:
            self._count_invalid(request)
            raise
        if found:
            self._refuse_restricted(request, cast(User, found[0]))
        return found

    @staticmethod
    def _refuse_restricted(request: Request, user: User) -> None:
        view = request.parser_context["view"]
        if user.is_restricted and getattr(view, "action", None) not in getattr(view, "restricted_actions", ()):
            throttling.count(request, "write", str(user.pk))
            raise services.suspension_of(user.pk)

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

    def _count_invalid(self, request: Request) -> None:
        """Count an invalid token. An expired or revoked one is counted by its session: every client presents these at
        times, and the other clients at its address must still learn that they have to refresh."""
        INVALID_TOKENS.inc()
        token = self.get_header(request).partition(b" ")[2].strip()
        session_id = tokens.get_signed_session_id(token)
        throttling.count(request, "invalid_bearer", str(session_id) if session_id else client_network(request))


class OptionalBearerAuthentication(BearerAuthentication):
    """For endpoints that a secret in the body opens as well: a request with an invalid token is anonymous."""

    def authenticate(self, request: Request) -> tuple[Any, Any] | None:
        try:
            return super().authenticate(request)
        except InvalidToken:
            return None
