"""The OpenAPI document: what holds for every operation is written once, here.

`documented(...)` decorates an action, `example(...)` a serializer. `PhotogramSchema` adds the errors that every
operation has. `components.py` completes the document. The title, servers, tags and introduction are in
`config/openapi.py`.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from drf_spectacular.openapi import AutoSchema
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_serializer
from rest_framework import serializers
from rest_framework.fields import empty
from rest_framework.permissions import AllowAny, IsAuthenticatedOrReadOnly

from apps.core import errors as kernel
from apps.core.api.idempotency import IdempotencyKeyReused, InvalidIdempotencyKey, RequestInProgress
from apps.core.api.pagination import InvalidCursor, InvalidLimit
from apps.core.api.problems import CONTENT_TYPE
from apps.core.errors import DomainError

F = TypeVar("F", bound=Callable[..., Any])
S = TypeVar("S", bound=type[serializers.Serializer[Any]])
Serializer = type[serializers.Serializer[Any]] | serializers.Serializer[Any]
# The id in examples.
ID = "019ab8a4-6c1e-7d3f-9a51-3f5c0e7b2d10"

IDEMPOTENCY_KEY = OpenApiParameter(
    "Idempotency-Key",
    OpenApiTypes.STR,
    OpenApiParameter.HEADER,
    description="1 to 255 printable ASCII characters. The same key and body within 24 hours replay the first response.",
)
# The response headers that are documented, by status.
HEADERS_BY_STATUS = {
    429: ["Retry-After", "RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset"],
    503: ["Retry-After"],
}
# The `default` response. An operation lists their statuses only if it has further errors with the same status.
TOKEN_ERRORS = {kernel.Unauthorized, kernel.InvalidToken}
COMMON_ERRORS = TOKEN_ERRORS | {
    kernel.MethodNotAllowed,
    kernel.BodyTooLarge,
    kernel.UnsupportedContentType,
    kernel.TooManyRequests,
    kernel.InternalError,
    kernel.Unavailable,
}


def documented(
    *,
    operation_id: str,
    summary: str,
    responses: Mapping[int, Serializer | None] | None = None,
    page_of: type[serializers.Serializer[Any]] | None = None,
    request: Serializer | None = None,
    errors: Iterable[type[DomainError]] = (),
    parameters: Sequence[OpenApiParameter] = (),
    idempotency_key: bool = False,
    description: str = "",
) -> Callable[[F], F]:
    """`extend_schema` for an action, with the errors of its own.

    `operation_id` becomes the name of a function in generated clients: a verb and its object in camelCase. `responses`
    are the successes; `page_of` is the serializer of the rows of a list instead. The body is the body serializer of the
    action unless `request` names another. Errors that follow from the permissions, the path or the body (401, 404, 413,
    429, 503, ...) need not be named. Put it above `@action`.
    """
    successes: dict[int, Any] = dict(responses or {})
    if page_of:
        successes[200] = page_of(many=True)
    implied: list[type[DomainError]] = [InvalidLimit, InvalidCursor] if page_of else []
    if any(parameter.location == OpenApiParameter.QUERY for parameter in parameters):
        implied.append(kernel.Invalid)
    if idempotency_key:
        implied += [InvalidIdempotencyKey, IdempotencyKeyReused, RequestInProgress]

    def decorate(action: F) -> F:
        action.documented_errors = [*errors, *implied]  # type: ignore[attr-defined]
        action.is_page = page_of is not None  # type: ignore[attr-defined]
        if action.__name__ == "list" and not page_of:
            # The library takes every `list` for an array.
            for shape in filter(None, successes.values()):
                extend_schema_serializer(many=False)(shape)
        return extend_schema(
            operation_id=operation_id,
            summary=summary,
            description=description or None,
            request=request or empty,
            responses=successes,
            parameters=[*parameters, *([IDEMPOTENCY_KEY] if idempotency_key else [])],
        )(action)

    return decorate


def example(values: Mapping[str, Any]) -> Callable[[S], S]:
    """Decorates a serializer with the values of its example in the document.

    A response serializer names the fields whose example does not follow from their type: text and numbers. Readers of
    the document compose the rest: nested objects, ids, times and the first value of a choice. A boolean is false unless
    it is named. A request serializer names the whole body; a test sends it.
    """

    def decorate(serializer: S) -> S:
        inherited = getattr(serializer, "schema_example", {})
        serializer.schema_example = {**inherited, **values}  # type: ignore[attr-defined]
        return extend_schema_serializer(extensions={"x-example": serializer.schema_example})(serializer)  # type: ignore[attr-defined]

    return decorate


_REASONS = {"200": "Done.", "201": "Created.", "202": "Accepted.", "204": "Done; no body."}


class PhotogramSchema(AutoSchema):
    """Adds to each operation what holds for all of them."""

    view: Any

    def get_operation(self, *args: Any, **kwargs: Any) -> dict[str, Any] | None:
        action = getattr(self.view, getattr(self.view, "action", ""), None)
        if not getattr(action, "is_page", False):
            self.view.pagination_class = None
        operation: dict[str, Any] | None = super().get_operation(*args, **kwargs)
        if operation:
            responses = operation["responses"]
            for status, response in responses.items():
                response["description"] = _REASONS.get(status, "Success.")
            # An operation that needs no token, but refuses an invalid one, has no `security`, which implies 401.
            common = COMMON_ERRORS if operation.get("security") else COMMON_ERRORS - TOKEN_ERRORS
            for status, refusals in sorted(self._refusals_by_status().items()):
                if not common.issuperset(refusals):
                    responses[str(status)] = _error_response(refusals)
            responses["default"] = reference("responses", "CommonError")
        return operation

    def get_description(self) -> str:  # type: ignore[override]  # the stub is of an older release
        return ""

    def get_auth(self) -> list[dict[str, list[str]]]:
        """No token, an optional token, or a token."""
        if not self.view.authentication_classes:
            return []
        if not self._is_public():
            return [{"bearer": []}]
        return [{"bearer": []}, {}] if self._depends_on_caller() else []

    def get_request_serializer(self) -> Any:
        return self.view.get_body_serializer_class()

    def get_filter_backends(self) -> list[Any]:
        """Those of a list with filters: they ask for the view's queryset."""
        return super().get_filter_backends() if getattr(self.view, "filterset_class", None) else []

    def get_paginated_name(self, serializer_name: str) -> str:
        return f"{serializer_name}Page"

    def _is_public(self) -> bool:
        """Whether an anonymous caller may make the call."""
        permissions = self.view.get_permissions()
        open_to_all = (AllowAny, IsAuthenticatedOrReadOnly) if self.method == "GET" else AllowAny
        return all(isinstance(permission, open_to_all) for permission in permissions)

    def _depends_on_caller(self) -> bool:
        """Whether a public operation answers an authenticated caller differently."""
        if not self.view.authentication_classes:
            return False
        return self.method == "GET" or kernel.Unauthorized in self._documented_errors()

    def _documented_errors(self) -> list[type[DomainError]]:
        return list(getattr(getattr(self.view, self.view.action, None), "documented_errors", []))

    def _refusals_by_status(self) -> dict[int, list[type[DomainError]]]:
        action = getattr(self.view, self.view.action, None)
        refusals: list[type[DomainError]] = [*self._documented_errors(), kernel.Unavailable]
        if self.view.throttle_classes:
            refusals.append(kernel.TooManyRequests)
        if self.view.authentication_classes:
            refusals.append(kernel.InvalidToken)
        if not self._is_public() or "{user}" in self.path:  # an anonymous caller has no `me`
            refusals.append(kernel.Unauthorized)
        if "{" in self.path:
            refusals.append(kernel.NotFound)
        if self.method not in {"GET", "HEAD"}:
            refusals += [
                kernel.Invalid,
                kernel.MalformedRequest,
                kernel.BodyTooLarge,
                kernel.UnsupportedContentType,
            ]
        if getattr(action, "is_page", False) and getattr(self.view, "filterset_class", None):
            refusals.append(kernel.Invalid)
        grouped: dict[int, list[type[DomainError]]] = {}
        for refusal in dict.fromkeys(refusals):
            grouped.setdefault(refusal.status, []).append(refusal)
        return grouped


def reference(kind: str, name: str) -> dict[str, str]:
    """A reference to a component, such as `reference("schemas", "Post")`."""
    return {"$ref": f"#/components/{kind}/{name}"}


def references(kind: str, names: Iterable[str]) -> dict[str, dict[str, str]]:
    return {name: reference(kind, name) for name in names}


def common_error_response() -> dict[str, Any]:
    """The `default` response: the status and the message of each error that any operation may have."""
    errors = sorted(COMMON_ERRORS, key=lambda refusal: (refusal.status, refusal.code))
    messages = [f"{refusal.status} {_message(refusal)}" for refusal in errors]
    return _problem_response(["Errors that any operation may have.", *messages], HEADERS_BY_STATUS[429])


def _error_response(refusals: list[type[DomainError]]) -> dict[str, Any]:
    """The response for errors of one status. `components.py` names it by its `x-codes`."""
    by_code = {refusal.code: refusal for refusal in sorted(refusals, key=lambda refusal: refusal.code)}
    messages = [_message(refusal) for refusal in by_code.values()]
    return _problem_response(messages, HEADERS_BY_STATUS.get(refusals[0].status, [])) | {"x-codes": list(by_code)}


def _message(refusal: type[DomainError]) -> str:
    return f"`{refusal.code}`: {refusal.title.rstrip('.')}."


def _problem_response(messages: list[str], headers: list[str]) -> dict[str, Any]:
    return {
        "description": " ".join(messages),
        **({"headers": references("headers", headers)} if headers else {}),
        "content": {CONTENT_TYPE: {"schema": reference("schemas", "Problem")}},
    }
