"""Authentication of the endpoints that scripts of pages call: the browser's session instead of a token."""

from typing import Any

from rest_framework.authentication import SessionAuthentication
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request

from apps.core.errors import Unauthorized
from apps.web.errors import CsrfFailed
from apps.web.sessions import META_KEY


class WebSessionAuthentication(SessionAuthentication):
    """The account and the session that `WebSessionMiddleware` has found. Every write needs the CSRF token.

    `/v1/` never uses this class, so no cookie opens the API. A page may send the id of its member in the header
    `X-Member`, so that it does not act for another one who has signed in since.
    """

    def authenticate(self, request: Request) -> tuple[Any, Any] | None:
        user, auth = request.META.get(META_KEY) or (None, None)
        # Also for anonymous callers, who can sign up or report from a page.
        self.enforce_csrf(request)
        member = request.headers.get("X-Member")
        if member and (user is None or member != str(user.pk)):
            raise Unauthorized
        return (user, auth) if auth else None

    def enforce_csrf(self, request: Request) -> None:
        """Raises CsrfFailed, whose message says what the member can do."""
        try:
            super().enforce_csrf(request)
        except PermissionDenied as error:
            raise CsrfFailed from error
