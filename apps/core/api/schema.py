"""The OpenAPI document: what holds for every call is written once, here.

`documented(...)` decorates an action. `PhotogramSchema` adds the errors and headers that every call has; the
postprocessing hook fills in examples.
"""

from collections.abc import Callable, Iterable, Mapping
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
ResponseSpec = type[serializers.Serializer[Any]] | serializers.Serializer[Any] | None


PROBLEM = {
    "type": "object",
    "description": "RFC 9457 problem details. Clients switch on `code`.",
    "required": ["type", "title", "status", "code", "detail", "request_id"],
    "properties": {
        "type": {"type": "string", "format": "uri"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"type": "string"},
        "detail": {"type": "string"},
        "request_id": {"type": "string"},
        "errors": {
            "type": "array",
            "description": "With `validation_error`: the fields that are at fault.",
            "items": {
                "type": "object",
                "required": ["field", "code", "message"],
                "properties": {
                    "field": {"type": "string"},
                    "code": {"type": "string"},
                    "message": {"type": "string"},
                },
            },
        },
    },
}

IDEMPOTENCY_KEY = OpenApiParameter(
    "Idempotency-Key",
    OpenApiTypes.STR,
    OpenApiParameter.HEADER,
    description="1 to 255 printable ASCII characters; the same key and body within 24 h replay the first answer.",
)
HEADERS = {
    name: {"schema": {"type": "string"}, "description": text}
    for name, text in {
        "RateLimit-Limit": "Requests allowed in the present window.",
        "RateLimit-Remaining": "Requests left in it.",
        "RateLimit-Reset": "Seconds until the next window.",
        "X-Request-ID": "The request's id, as in every log line and error.",
    }.items()
}
HEADER_REFERENCES = {name: {"$ref": f"#/components/headers/{name}"} for name in HEADERS}


def documented(
    *,
    summary: str,
    responses: Mapping[int, ResponseSpec] | None = None,
    page_of: type[serializers.Serializer[Any]] | None = None,
    request: type[serializers.Serializer[Any]] | None = None,
    errors: Iterable[type[DomainError]] = (),
    parameters: Iterable[OpenApiParameter] = (),
    idempotency_key: bool = False,
    description: str = "",
    operation_id: str | None = None,
    tags: list[str] | None = None,
) -> Callable[[F], F]:
    """`extend_schema` for an action, with the errors of its own.

    `responses` are the successes; `page_of` is the serializer of the rows of a list instead. The body is the body
    serializer of the action unless `request` names another. Errors that every call may have (401, 404, 429, 503, ...)
    need not be named. Put it above `@action`.
    """
    successes: dict[int, Any] = dict(responses or {})
    if page_of:
        successes[200] = page_of(many=True)
    implied: list[type[DomainError]] = [InvalidLimit, InvalidCursor] if page_of else []
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
            tags=tags,
        )(action)

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
                response["headers"] = HEADER_REFERENCES | response.get("headers", {})
            for status, refusals in sorted(self._refusals_by_status().items()):
                responses[str(status)] = _problem_response(status, refusals)
        return operation

    def get_description(self) -> str:  # type: ignore[override]  # the stub is of an older release
        return ""

    def get_tags(self) -> list[str]:
        return [self.view.__module__.split(".")[1]]

    def get_operation_id(self) -> str:
        view = type(self.view).__name__.removesuffix("ViewSet").removesuffix("Endpoint")
        return f"{view.lower()}_{self.view.action}"

    def get_auth(self) -> list[dict[str, list[str]]]:
        if not self.view.authentication_classes:
            return []
        return [{"bearer": []}, {}] if self._is_public() else [{"bearer": []}]

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

    def _refusals_by_status(self) -> dict[int, list[type[DomainError]]]:
        action = getattr(self.view, self.view.action, None)
        refusals: list[type[DomainError]] = [*getattr(action, "documented_errors", []), kernel.Unavailable]
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


def _problem_response(status: int, refusals: list[type[DomainError]]) -> dict[str, Any]:
    return {
        "description": " ".join(f"`{refusal.code}`: {refusal.title.rstrip('.')}." for refusal in refusals),
        "content": {
            CONTENT_TYPE: {
                "schema": {
                    "allOf": [
                        {"$ref": "#/components/schemas/Problem"},
                        {
                            "type": "object",
                            "properties": {"code": {"enum": sorted({refusal.code for refusal in refusals})}},
                        },
                    ]
                },
                "examples": {
                    refusal.code: {
                        "value": {
                            "type": f"https://photogram.example/errors/{refusal.code}",
                            "title": refusal.title,
                            "status": status,
                            "code": refusal.code,
                            "detail": refusal.title,
                            "request_id": "019ab8a4-6c1e-7d3f-9a51-3f5c0e7b2d10",
                        }
                    }
                    for refusal in refusals
                },
            }
        },
        "headers": HEADER_REFERENCES,
    }


# ── Examples ─────────────────────────────────────────────────────────────────────────────────────────────
SAMPLES: dict[str, Any] = {
    "id": "019ab8a4-6c1e-7d3f-9a51-3f5c0e7b2d10",
    "handle": "alice",
    "login": "alice",
    "email": "alice@example.org",
    "display_name": "Alice Liddell",
    "bio": "Rabbit holes and river banks.",
    "website": "https://alice.example.org",
    "locale": "en",
    "caption": "Low tide at #Husum with @bob",
    "text": "What light!",
    "alt_text": "Two boats on the mud at low tide.",
    "tags": ["husum"],
    "blurhash": "LEHV6nWB2yk8pyo0adR*.7kCMdnj",
    "dominant_color": "#6a7b8c",
    "content_type": "image/jpeg",
    "password": "correct horse battery staple",
    "current_password": "correct horse battery staple",
    "new_password": "a better battery staple",
    "width": 4032,
    "height": 3024,
    "bytes": 2518034,
    "next_cursor": None,
    "expires_in": 900,
    "device_name": "Alice's telephone",
}


def with_problems_and_examples(result: dict[str, Any], generator: Any, request: Any, public: bool) -> dict[str, Any]:
    """Postprocessing hook: the Problem component; every body without an example gets one, made from its schema."""
    components = result.setdefault("components", {}).setdefault("schemas", {})
    components["Problem"] = PROBLEM
    result["components"]["headers"] = HEADERS
    for path in result["paths"].values():
        for operation in path.values():
            for parameter in operation.get("parameters", []):
                # Traces of the enumerations of a FilterSet.
                parameter["schema"].pop("x-spec-enum-id", None)
                if "description" in parameter:
                    parameter["description"] = parameter["description"].strip()
            bodies = [operation.get("requestBody", {}), *operation.get("responses", {}).values()]
            for body in bodies:
                for media_type in body.get("content", {}).values():
                    if "examples" not in media_type and "schema" in media_type:
                        media_type.setdefault("example", _example(media_type["schema"], components))
    return result


def _example(schema: dict[str, Any], components: dict[str, Any], name: str = "") -> Any:
    if "$ref" in schema:
        return _example(components[schema["$ref"].rsplit("/", 1)[1]], components, name)
    if name in SAMPLES:
        return SAMPLES[name]
    for union in ("allOf", "oneOf", "anyOf"):
        if union in schema:
            return _example(schema[union][0], components, name)
    if "enum" in schema:
        return schema["enum"][0]
    kinds = schema.get("type", "object")
    kind = kinds if isinstance(kinds, str) else kinds[0]
    if kind == "object":
        return {key: _example(inner, components, key) for key, inner in schema.get("properties", {}).items()}
    if kind == "array":
        return [_example(schema["items"], components, name.removesuffix("s"))]
    if kind == "string":
        formats = {
            "uuid": SAMPLES["id"],
            "date-time": "2026-11-23T16:14:05.123Z",
            "uri": "https://cdn.photogram.example/q9v2/thumb.webp",
            "email": SAMPLES["email"],
        }
        return formats.get(schema.get("format", ""), "text")
    return {"integer": 1, "number": 1.0, "boolean": True, "null": None}[kind]
