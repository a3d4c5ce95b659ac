"""RFC 9457 problem documents: the one place where an error becomes a response."""

import sys
from typing import Any

import structlog
from django.conf import settings
from django.core.exceptions import (
    BadRequest,
    DisallowedHost,
    PermissionDenied,
    RequestDataTooBig,
    SuspiciousOperation,
)
from django.http import Http404, HttpRequest, HttpResponse
from django.http.multipartparser import MultiPartParserError
from django.utils.translation import get_language
from rest_framework import exceptions
from rest_framework.views import set_rollback

from apps.core import errors
from apps.core.api.renderers import dumps
from apps.core.db.deadline import UNAVAILABLE_ERRORS, outage
from apps.core.errors import (
    BodyTooLarge,
    DomainError,
    InternalError,
    MalformedRequest,
    MethodNotAllowed,
    UnsupportedContentType,
)

log = structlog.get_logger(__name__)
CONTENT_TYPE = "application/problem+json"
# The default of every response; a response with it gets no ETag.
NOT_STORED = "private, no-store"


def refusal_for(error: Exception) -> DomainError:
    """The refusal that tells a client about `error`; an InternalError, which is logged, for an unexpected one."""
    match error:
        case DomainError():
            return error
        case exceptions.ValidationError():
            return _validation(error)
        case Http404() | exceptions.NotFound():
            return errors.NotFound()
        case exceptions.NotAuthenticated() | exceptions.AuthenticationFailed():
            return errors.Unauthorized()
        case exceptions.PermissionDenied() | PermissionDenied():
            return errors.Forbidden()
        case exceptions.MethodNotAllowed():
            return MethodNotAllowed()
        case exceptions.UnsupportedMediaType():
            return UnsupportedContentType()
        case exceptions.ParseError():
            return MalformedRequest()
        case RequestDataTooBig():
            return BodyTooLarge()
        case DisallowedHost():
            return errors.InvalidHost()
        case SuspiciousOperation() | BadRequest() | MultiPartParserError():
            return MalformedRequest()
        case _ if isinstance(error, UNAVAILABLE_ERRORS):
            outage.observe_error(error)
            log.error("database_unavailable", error=str(error).strip())
            return errors.Unavailable()
    log.error("unhandled_exception", exc_info=error)
    return InternalError()


def _validation(error: exceptions.ValidationError) -> DomainError:
    fields = list(_field_errors(error.detail))
    refusal = errors.Invalid()
    refusal.detail = errors.count_invalid(len(fields))
    refusal.extra = {"errors": fields}
    return refusal


def _field_errors(detail: Any, path: str = "") -> Any:
    """Flatten DRF's nested details into {field, code, message}; list positions and keys are joined by dots."""
    if isinstance(detail, dict):
        for name, inner in detail.items():
            yield from _field_errors(inner, f"{path}.{name}" if path else str(name))
        return
    for position, inner in enumerate(detail):
        if isinstance(inner, dict | list):
            yield from _field_errors(inner, f"{path}.{position}")
        else:
            yield {"field": path, "code": _CODES.get(inner.code, inner.code), "message": str(inner)}


# DRF's codes, as the API names them.
_CODES = {"max_length": "too_long", "min_length": "too_short", "null": "required", "blank": "blank"}


def document(refusal: DomainError, request_id: str) -> dict[str, Any]:
    return {
        "type": settings.PROBLEM_TYPE_BASE + refusal.code,
        "title": str(refusal.title),
        "status": refusal.status,
        "code": refusal.code,
        "detail": str(refusal.detail),
        "request_id": request_id,
        **refusal.extra,
    }


def request_id_of(request: Any) -> str:
    return str(getattr(request, "request_id", ""))


def problem_response(refusal: DomainError, request: Any) -> HttpResponse:
    """The problem document as the response to a request of Django's or of DRF's, in the active language."""
    headers = {"Cache-Control": NOT_STORED, "Content-Language": get_language(), "Vary": "Accept-Language"}
    headers |= refusal.headers
    body = dumps(document(refusal, request_id_of(request)))
    return HttpResponse(body, status=refusal.status, headers=headers, content_type=CONTENT_TYPE)


def exception_handler(error: Exception, context: dict[str, Any]) -> HttpResponse:
    """DRF's hook. Rolls back the transaction that is open, if any."""
    set_rollback()
    return problem_response(refusal_for(error), context["request"])


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return problem_response(errors.NotFound(), request)


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return problem_response(refusal_for(exception) if exception else MalformedRequest(), request)


def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return problem_response(errors.Forbidden(), request)


def internal_error(request: HttpRequest) -> HttpResponse:
    """Django's handler for an exception outside a DRF view; it calls it while the exception is being handled."""
    error = sys.exception()
    return problem_response(refusal_for(error) if isinstance(error, Exception) else InternalError(), request)
