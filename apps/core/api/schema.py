"""The OpenAPI document's house rules: what every call answers beside its success is written once, here.

`documented(...)` decorates an action. `PhotogramSchema` adds the errors, parameters and headers that follow from the
rules that hold everywhere; the postprocessing hook fills in examples.
"""

import functools
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal, TypeVar

from drf_spectacular.openapi import AutoSchema
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers

from apps.core import errors as kernel
from apps.core.api.idempotency import IdempotencyKeyReused, InvalidIdempotencyKey, RequestInProgress
from apps.core.api.pagination import DEFAULT_LIMIT, MAX_LIMIT, InvalidCursor, InvalidLimit
from apps.core.api.problems import CONTENT_TYPE
from apps.core.errors import Refusal

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

PAGE_PARAMETERS = [
    OpenApiParameter(
        "limit",
        OpenApiTypes.STR,
        description=f"Rows a page, 1 to {MAX_LIMIT}, {DEFAULT_LIMIT} if absent; more is clamped.",
        pattern="^[0-9]+$",
    ),
    OpenApiParameter("cursor", OpenApiTypes.STR, description="`next_cursor` of the page before."),
]
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
    errors: Iterable[type[Refusal]] = (),
    parameters: Iterable[OpenApiParameter] = (),
    idempotency_key: bool = False,
    description: str = "",
    tags: list[str] | None = None,
) -> Callable[[F], F]:
    """Describe an action: its success (`responses`, or `page_of` for a list) and the refusals of its own.

    Refusals that follow from the house rules (401, 404, 429, 503, ...) need not be named.
    """
    successes: dict[int, Any] = dict(responses or {})
    if page_of:
        successes[200] = _page(page_of)
    described = {
        status: OpenApiResponse(shape, description=_REASONS.get(status, "Success."))
        for status, shape in successes.items()
    }
    added = [*parameters, *(PAGE_PARAMETERS if page_of else []), *([IDEMPOTENCY_KEY] if idempotency_key else [])]
    implied: list[type[Refusal]] = [InvalidLimit, InvalidCursor] if page_of else []
    if idempotency_key:
        implied += [InvalidIdempotencyKey, IdempotencyKeyReused, RequestInProgress]

    def decorate(action: F) -> F:
        action.documented_errors = [*errors, *implied]  # type: ignore[attr-defined]
        return extend_schema(
            summary=summary,
            description=description or None,
            request=request,
            responses=described,
            parameters=added,
            tags=tags,
        )(action)

    return decorate


_REASONS = {200: "Done.", 201: "Created.", 202: "Accepted.", 204: "Done; no body."}


@functools.cache
def _page(shape: type[serializers.Serializer[Any]]) -> type[serializers.Serializer[Any]]:
    fields = {"results": shape(many=True), "next_cursor": serializers.CharField(allow_null=True)}
    return type(f"{shape.__name__}Page", (serializers.Serializer,), fields)


class PhotogramSchema(AutoSchema):
    """Adds to each operation what holds for every one."""

    @property
    def _action(self) -> str:
        return getattr(self.view, "action", "") or ""

    @property
    def _is_open(self) -> bool:
        return self._action in getattr(self.view, "open_to_all", ())

    def _is_list_view(self, serializer: Any = None) -> bool:
        """Lists are described as pages, never as bare arrays."""
        return False

    def get_description(self) -> str:  # type: ignore[override]  # the stub is of an older release
        return ""

    def get_tags(self) -> list[str]:
        return [self.view.__module__.split(".")[1]]

    def get_operation_id(self) -> str:
        view = type(self.view).__name__.removesuffix("ViewSet").removesuffix("Endpoint")
        return f"{view.lower()}_{self._action}"

    def get_auth(self) -> list[dict[str, list[str]]]:
        return [{"bearer": []}, {}] if self._is_open else [{"bearer": []}]

    def _get_response_bodies(self, direction: Literal["request", "response"] = "response") -> dict[str, Any]:
        bodies: dict[str, Any] = super()._get_response_bodies(direction)
        for body in bodies.values():
            body["headers"] = HEADER_REFERENCES | body.get("headers", {})
        for status, codes in sorted(self._codes_by_status().items()):
            bodies[str(status)] = _problem_response(status, codes)
        return bodies

    def _codes_by_status(self) -> dict[int, list[type[Refusal]]]:
        action = getattr(self.view, self._action, None)
        refusals: list[type[Refusal]] = [
            *getattr(action, "documented_errors", []),
            kernel.Unavailable,
        ]
        if self.view.throttle_classes:
            refusals.append(kernel.TooManyRequests)
        if self.view.authentication_classes:
            refusals.append(kernel.InvalidToken)
        if not self._is_open or "{user}" in self.path:  # an anonymous caller has no `me`
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
        grouped: dict[int, list[type[Refusal]]] = {}
        for refusal in refusals:
            same_status = grouped.setdefault(refusal.status, [])
            if refusal not in same_status:
                same_status.append(refusal)
        return grouped


def _problem_response(status: int, refusals: list[type[Refusal]]) -> dict[str, Any]:
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
