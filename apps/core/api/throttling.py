"""The rate limit of every call, with its headers on every response."""

from typing import TYPE_CHECKING

from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from apps.core import limits
from apps.core.api.addresses import client_address
from apps.core.errors import TooManyRequests

if TYPE_CHECKING:
    from rest_framework.views import APIView

# Key in `request.META` of the headers of a counted call.
HEADERS = "photogram.rate_limit_headers"


class RateLimit(BaseThrottle):
    """Counts the call in the scope that the view's `rate_limits` name for its action, or else in "read", "write" or
    "anonymous".

    Raises TooManyRequests itself, so that the response carries the numbers of the limit.
    """

    def allow_request(self, request: Request, view: "APIView") -> bool:
        user_id = request.user.pk if request.user else None
        caller = str(user_id) if user_id else client_address(request)
        state = limits.count_request(_scope(request, view, anonymous=user_id is None), caller)
        # For SecurityHeadersMiddleware; META is shared by DRF's request and Django's.
        request.META[HEADERS] = state.headers
        if state.exceeded:
            raise TooManyRequests(headers=state.headers)
        return True


def _scope(request: Request, view: "APIView", *, anonymous: bool) -> str:
    own: dict[str, str] = getattr(view, "rate_limits", {})
    if scope := own.get(getattr(view, "action", None) or ""):
        return scope
    if anonymous:
        return "anonymous"
    return "read" if request.method in {"GET", "HEAD", "OPTIONS"} else "write"
