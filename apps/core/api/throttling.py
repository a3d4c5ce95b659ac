"""The rate limit of every call, with its headers on every answer."""

from typing import TYPE_CHECKING
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from apps.core import limits
from apps.core.api.addresses import client_address
from apps.core.errors import TooManyRequests

if TYPE_CHECKING:
    from rest_framework.views import APIView


class RateLimit(BaseThrottle):
    """Counts the call against the view's `rate_limit` scope, or else against reads, writes or anonymous calls.

    Raises TooManyRequests itself, so that the answer carries the limit's own numbers.
    """

    def allow_request(self, request: Request, view: "APIView") -> bool:
        # Whoever looked the caller up has often counted the call on the way.
        counted: limits.Allowance | None = getattr(request.auth, "allowance", None)
        allowance = counted or _spend(request, view)
        plain: HttpRequest = request._request
        plain.rate_limit_headers = allowance.headers  # type: ignore[attr-defined]
        if allowance.exceeded:
            raise TooManyRequests(headers=allowance.headers)
        return True


def _spend(request: Request, view: "APIView") -> limits.Allowance:
    user_id = getattr(request.user, "pk", None)
    who = str(user_id) if user_id else client_address(request)
    return limits.spend(_scope(request, view, anonymous=user_id is None), who)


def view_of(request: Request) -> "APIView | None":
    """That is called; None for a request that a test has made by itself."""
    return request.parser_context["view"] if request.parser_context else None


def bucket_for(request: Request, user_id: UUID) -> limits.Bucket | None:
    """Where the call will be counted if it is that person's; None if it is not to be counted."""
    view = view_of(request)
    if view is None or RateLimit not in view.throttle_classes or not settings.RATE_LIMITS_ENABLED:
        return None
    return limits.Bucket.of(_scope(request, view, anonymous=False), str(user_id))


def _scope(request: Request, view: "APIView", *, anonymous: bool) -> str:
    own: dict[str, str] = getattr(view, "rate_limits", {})
    if scope := own.get(getattr(view, "action", "") or ""):
        return scope
    if anonymous:
        return "anonymous"
    return "read" if request.method in {"GET", "HEAD", "OPTIONS"} else "write"
