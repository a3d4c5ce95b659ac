"""Domain errors: what a service raises when it refuses a request.

A domain error is a class with an HTTP status and a stable `code` that clients switch on. It is declared in the
`services.py` that raises it, and rendered as problem+json in one place (`apps.core.api.problems`).
"""

from typing import Any, ClassVar


class DomainError(Exception):
    """An error that the user can understand and act on. `detail` is shown; `extra` becomes members of the problem."""

    status: ClassVar[int] = 400
    code: ClassVar[str] = "bad_request"
    title: ClassVar[str] = "The request cannot be carried out."

    def __init__(self, detail: str = "", *, headers: dict[str, str] | None = None, **extra: Any) -> None:
        super().__init__(detail or self.title)
        self.detail = detail or self.title
        self.headers = headers or {}
        self.extra = extra


class BadRequest(DomainError):
    pass


class Unauthorized(DomainError):
    status, code, title = 401, "not_authenticated", "Sign in first."

    def __init__(self, detail: str = "", **extra: Any) -> None:
        super().__init__(detail, headers={"WWW-Authenticate": "Bearer"}, **extra)


class InvalidToken(Unauthorized):
    """The token is malformed, expired, revoked, or of an account that may not act."""

    code, title = "invalid_token", "The access token is not valid."


class Forbidden(DomainError):
    status, code, title = 403, "permission_denied", "You may not do that."


class NotFound(DomainError):
    """What the caller may not see does not exist for them: the same body whatever the reason."""

    status, code, title = 404, "not_found", "Not found."


class Conflict(DomainError):
    status, code, title = 409, "conflict", "That conflicts with the present state."


class Unprocessable(DomainError):
    status, code, title = 422, "unprocessable", "That does not fit."


class TooManyRequests(DomainError):
    status, code, title = 429, "rate_limited", "Too many requests; try again later."


class Unavailable(DomainError):
    status, code, title = 503, "unavailable", "Temporarily unavailable; try again."

    def __init__(self, detail: str = "", **extra: Any) -> None:
        super().__init__(detail, headers={"Retry-After": "5"}, **extra)


class Invalid(BadRequest):
    """Field errors found by a service, in the shape of a serializer's: {field: (code, message)}."""

    code, title = "validation_error", "Validation failed"

    def __init__(self, **fields: tuple[str, str]) -> None:
        super().__init__(
            f"{len(fields)} field{' is' if len(fields) == 1 else 's are'} invalid.",
            errors=[{"field": f, "code": code, "message": text} for f, (code, text) in fields.items()],
        )


class MethodNotAllowed(DomainError):
    status, code, title = 405, "method_not_allowed", "That method is not allowed here."


class UnsupportedContentType(DomainError):
    status, code, title = 415, "unsupported_content_type", "Send application/json, without a Content-Encoding."


class InvalidHost(DomainError):
    status, code, title = 400, "invalid_host", "No site of this server has that host name."


class MalformedRequest(DomainError):
    status, code, title = 400, "malformed_request", "The request is malformed."


class BodyTooLarge(DomainError):
    status, code, title = 413, "body_too_large", "The body is too large."


class InternalError(DomainError):
    status, code, title = 500, "internal_error", "Something went wrong on our side."
