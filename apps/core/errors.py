"""Domain errors: what a service raises when it refuses a request.

A domain error is a class with an HTTP status and a stable `code` that clients switch on. It is declared in the
`services.py` that raises it, and rendered as problem+json in one place (`apps.core.api.problems`).
Texts use gettext. Those of classes are lazy: they are translated when the error becomes a response.
"""

from typing import TYPE_CHECKING, Any, ClassVar

from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise


class DomainError(Exception):
    """An error that the user can understand and act on. `detail` is shown; `extra` becomes members of the problem."""

    status: ClassVar[int] = 400
    code: ClassVar[str] = "bad_request"
    title: ClassVar["StrOrPromise"] = _("The request cannot be carried out.")

    def __init__(self, detail: "StrOrPromise" = "", *, headers: dict[str, str] | None = None, **extra: Any) -> None:
        super().__init__(detail or self.title)
        self.detail = detail or self.title
        self.headers = headers or {}
        self.extra = extra


class BadRequest(DomainError):
    pass


class Unauthorized(DomainError):
    status, code, title = 401, "not_authenticated", _("Sign in first.")

    def __init__(self, detail: "StrOrPromise" = "", **extra: Any) -> None:
        super().__init__(detail, headers={"WWW-Authenticate": "Bearer"}, **extra)


class InvalidToken(Unauthorized):
    """The token is malformed, expired, revoked, or of an account that may not act."""

    code, title = "invalid_token", _("The access token is not valid.")


class Forbidden(DomainError):
    status, code, title = 403, "permission_denied", _("You may not do that.")


class NotFound(DomainError):
    """What the caller may not see does not exist for them: the same body whatever the reason."""

    status, code, title = 404, "not_found", _("Not found.")


class Conflict(DomainError):
    status, code, title = 409, "conflict", _("That conflicts with the present state.")


class Unprocessable(DomainError):
    status, code, title = 422, "unprocessable", _("That does not fit.")


class TooManyRequests(DomainError):
    status, code, title = 429, "rate_limited", _("Too many requests; try again later.")


class Unavailable(DomainError):
    status, code, title = 503, "unavailable", _("Temporarily unavailable; try again.")

    def __init__(self, detail: "StrOrPromise" = "", **extra: Any) -> None:
        super().__init__(detail, headers={"Retry-After": "5"}, **extra)


def count_invalid(fields: int) -> str:
    """The detail of a validation error."""
    return ngettext("%(number)d field is invalid.", "%(number)d fields are invalid.", fields) % {"number": fields}


class Invalid(BadRequest):
    """Field errors found by a service, in the shape of a serializer's: {field: (code, message)}."""

    code, title = "validation_error", _("Validation failed")

    def __init__(self, **fields: "tuple[str, StrOrPromise]") -> None:
        super().__init__(
            count_invalid(len(fields)),
            errors=[{"field": f, "code": code, "message": str(text)} for f, (code, text) in fields.items()],
        )


class MethodNotAllowed(DomainError):
    status, code, title = 405, "method_not_allowed", _("That method is not allowed here.")


class UnsupportedContentType(DomainError):
    status, code, title = 415, "unsupported_content_type", _("Send application/json, without a Content-Encoding.")


class InvalidHost(DomainError):
    status, code, title = 400, "invalid_host", _("No site of this server has that host name.")


class MalformedRequest(DomainError):
    status, code, title = 400, "malformed_request", _("The request is malformed.")


class BodyTooLarge(DomainError):
    status, code, title = 413, "body_too_large", _("The body is too large.")


class InternalError(DomainError):
    status, code, title = 500, "internal_error", _("Something went wrong on our side.")
