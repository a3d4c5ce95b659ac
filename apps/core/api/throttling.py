"""The rate limit of every call, with its headers on every answer."""

from typing import TYPE_CHECKING

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
        user_id = getattr(request.user, "pk", None)
        who = str(user_id) if user_id else client_address(request)
        allowance = limits.spend(self._scope(request, view, anonymous=user_id is None), who)
        plain: HttpRequest = request._request
        plain.rate_limit_headers = allowance.headers  # type: ignore[attr-defined]
        if allowance.exceeded:
            raise TooManyRequests(headers=allowance.headers)
        return True

    @staticmethod
    def _scope(request: Request, view: "APIView", *, anonymous: bool) -> str:
        own: dict[str, str] = getattr(view, "rate_limits", {})
        if scope := own.get(getattr(view, "action", "") or ""):
            return scope
        if anonymous:
            return "anonymous"
        return "read" if request.method in {"GET", "HEAD", "OPTIONS"} else "write"
