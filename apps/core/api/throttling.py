"""The rate limit of every call, with its headers on every response."""

from typing import TYPE_CHECKING, Any

import orjson
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, UnreadablePostError
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from apps.core import limits
from apps.core.api.addresses import client_network
from apps.core.errors import TooManyRequests

if TYPE_CHECKING:
    from rest_framework.views import APIView

# Key in `request.META` of the headers of a counted call.
HEADERS = "photogram.rate_limit_headers"
Bucket = tuple[str, str | None]


def count(request: HttpRequest | Request, scope: str, caller: str | None, *, guards_a_secret: bool = False) -> None:
    """Count the call, and give its response the numbers of the limit. Raises TooManyRequests over the limit."""
    state = limits.count_request(scope, caller, guards_a_secret=guards_a_secret)
    # For SecurityHeadersMiddleware; META is shared by DRF's request and Django's.
    request.META[HEADERS] = state.headers
    if state.exceeded:
        raise TooManyRequests(headers=state.headers)


class RateLimit(BaseThrottle):
    """Counts the call in the scope that the view's `rate_limits` name for its action, or else in "read", "write" or
    "anonymous".

    Raises TooManyRequests itself, so that the response carries the numbers of the limit.
    """

    guards_a_secret = False

    def allow_request(self, request: Request, view: "APIView") -> bool:
        scope, caller = self.get_bucket(request, view)
        count(request, scope, caller, guards_a_secret=self.guards_a_secret)
        return True

    def get_bucket(self, request: Request, view: "APIView") -> Bucket:
        """The scope, and the caller who is counted in it: the account, or the network of an anonymous client."""
        user_id = request.user.pk if request.user else None
        caller = str(user_id) if user_id else client_network(request)
        return _scope(request, view, anonymous=user_id is None), caller


class SecretRateLimit(RateLimit):
    """The limit of an endpoint that takes a secret in its body, such as a refresh token.

    A known secret is counted by its owner: other clients at the same address cannot use up this limit, and a known
    secret does not use up theirs. Unknown secrets are counted by network, apart from all other calls.
    """

    guards_a_secret = True

    def get_bucket(self, request: Request, view: "APIView") -> Bucket:
        return self.get_secret_bucket(request, view, parse_body(request)) or super().get_bucket(request, view)

    def get_secret_bucket(self, request: Request, view: "APIView", body: dict[str, Any]) -> Bucket | None:
        """None for a body without a secret."""
        raise NotImplementedError


def parse_body(request: Request) -> dict[str, Any]:
    """The JSON object in the body, or {}. The view reports a malformed body after the call is counted."""
    try:
        body = orjson.loads(request.body)
    except (orjson.JSONDecodeError, RequestDataTooBig, UnreadablePostError):
        return {}
    return body if isinstance(body, dict) else {}


def _scope(request: Request, view: "APIView", *, anonymous: bool) -> str:
    own: dict[str, str] = getattr(view, "rate_limits", {})
    if scope := own.get(getattr(view, "action", None) or ""):
        return scope
    if anonymous:
        return "anonymous"
    return "read" if request.method in {"GET", "HEAD", "OPTIONS"} else "write"
