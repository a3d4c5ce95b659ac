"""Authentication of the endpoints that scripts of pages call: the browser's session instead of a token."""

from typing import Any

from rest_framework.authentication import SessionAuthentication
from rest_framework.request import Request


class WebSessionAuthentication(SessionAuthentication):
    """`request.user` and `request.auth` as `WebSessionMiddleware` has set them. Every write needs the CSRF token.

    `/v1/` never uses this class, so no cookie opens the API.
    """

    def authenticate(self, request: Request) -> tuple[Any, Any] | None:
        auth = getattr(request._request, "auth", None)
        # Also for anonymous callers, who can sign up or report from a page.
        self.enforce_csrf(request)
        return (request._request.user, auth) if auth else None
