"""Authentication of the endpoints that scripts of pages call: the browser's session instead of a token."""

from typing import Any

from rest_framework.authentication import SessionAuthentication
from rest_framework.request import Request

from apps.core.errors import Unauthorized


class WebSessionAuthentication(SessionAuthentication):
    """`request.user` and `request.auth` as `WebSessionMiddleware` has set them. Every write needs the CSRF token.

    `/v1/` never uses this class, so no cookie opens the API. A page may name the member for whom it was rendered in
    the header `X-Member`, so that it does not act for another one who has signed in since.
    """

    def authenticate(self, request: Request) -> tuple[Any, Any] | None:
        auth = getattr(request._request, "auth", None)
        # Also for anonymous callers, who can sign up or report from a page.
        self.enforce_csrf(request)
        member = request.headers.get("X-Member")
        if member and (auth is None or member != str(request._request.user.pk)):
            raise Unauthorized
        return (request._request.user, auth) if auth else None
