"""The OpenAPI document: what holds for every operation is written once, here.

`documented(...)` decorates an action, `example(...)` a serializer. `PhotogramSchema` adds the errors and headers that
every operation has. The postprocessing hook `complete` adds the shared components and the examples. Title, tags,
servers and the introduction are in `config/openapi.py`.
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
ID = "019ab8a4-6c1e-7d3f-9a51-3f5c0e7b2d10"
TIME = "2026-11-23T16:14:05.123Z"

IDEMPOTENCY_KEY = OpenApiParameter(
    "Idempotency-Key",
    OpenApiTypes.STR,
    OpenApiParameter.HEADER,
    description="1 to 255 printable ASCII characters. The same key and body within 24 hours replay the first response.",
)
# By their names in a path.
PATH_PARAMETERS = {
    "user": {"description": "A user id, `@handle` or `me`.", "example": "@bob"},
    "tag": {"description": "A tag without `#`.", "example": "husum"},
}


def _header(description: str) -> dict[str, Any]:
    return {"description": description, "schema": {"type": "integer"}}


# Every response has the rate limit and `X-Request-ID`, as the introduction says. They are listed where they matter.
HEADERS = {
    "Retry-After": _header("Seconds to wait before the next attempt."),
    "RateLimit-Limit": _header("Requests allowed in the current window."),
    "RateLimit-Remaining": _header("Requests left in it."),
    "RateLimit-Reset": _header("Seconds until the next window."),
}
HEADERS_BY_STATUS = {429: list(HEADERS), 503: ["Retry-After"]}

# Errors that every operation can have and that are not listed at each.
ANYWHERE = [kernel.MethodNotAllowed, kernel.InternalError]


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
    action unless `request` names another. Errors that every operation may have (401, 404, 429, 503, ...) need not be
    named. Put it above `@action`.
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

    A response serializer names the fields whose example does not follow from their type: text and numbers. Nested
    objects, ids, times, booleans and the first value of a choice are filled in. A request serializer names the whole
    body; a test sends it.
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
            for status, refusals in sorted(self._refusals_by_status().items()):
                responses[str(status)] = _error_response(refusals)
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


# ── Components ───────────────────────────────────────────────────────────────────────────────────────────
PROBLEM = {
    "type": "object",
    "description": "An error (RFC 9457). Clients switch on `code`.",
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
            "description": "With `validation_error`: the invalid fields.",
            "items": {"$ref": "#/components/schemas/FieldError"},
        },
    },
}
FIELD_ERROR = {
    "type": "object",
    "required": ["field", "code", "message"],
    "properties": {
        "field": {"type": "string", "description": "Its path, such as `caption` or `media_ids.0`."},
        "code": {"type": "string"},
        "message": {"type": "string"},
    },
    "examples": [{"field": "caption", "code": "too_long", "message": "At most 2200 characters."}],
}


def _reference(kind: str, name: str) -> dict[str, str]:
    return {"$ref": f"#/components/{kind}/{name}"}


def _references(kind: str, names: Iterable[str]) -> dict[str, dict[str, str]]:
    return {name: _reference(kind, name) for name in names}


def _error_response(refusals: list[type[DomainError]]) -> dict[str, Any]:
    """The response for errors of one status."""
    by_code = {refusal.code: refusal for refusal in sorted(refusals, key=lambda refusal: refusal.code)}
    headers = HEADERS_BY_STATUS.get(refusals[0].status)
    return {
        "description": " ".join(f"`{code}`: {refusal.title.rstrip('.')}." for code, refusal in by_code.items()),
        **({"headers": _references("headers", headers)} if headers else {}),
        "content": {
            CONTENT_TYPE: {"schema": _reference("schemas", "Problem"), "examples": _references("examples", by_code)}
        },
    }


def _problem_example(refusal: type[DomainError]) -> dict[str, Any]:
    value = {
        "type": f"https://photogram.example/errors/{refusal.code}",
        "title": refusal.title,
        "status": refusal.status,
        "code": refusal.code,
        "detail": refusal.title,
        "request_id": ID,
    }
    if refusal is kernel.Invalid:
        value |= {"detail": "1 field is invalid.", "errors": FIELD_ERROR["examples"]}
    return {"summary": refusal.title, "value": value}


def _subclasses(parent: type[DomainError]) -> list[type[DomainError]]:
    """All domain errors of the project, `parent` first."""
    return [parent, *(found for child in parent.__subclasses__() for found in _subclasses(child))]


def complete(result: dict[str, Any], generator: Any, request: Any, public: bool) -> dict[str, Any]:
    """Postprocessing hook: adds the shared components, the descriptions of path parameters and the examples."""
    components = result.setdefault("components", {})
    components["headers"] = HEADERS
    operations = [operation for path in result["paths"].values() for operation in path.values()]
    _remove_enum_ids(result)
    components["responses"] = _move_error_responses(operations)
    _add_problems(components)
    components["parameters"] = _move_parameters(operations)
    _add_examples(components["schemas"], operations)
    return result


def _remove_enum_ids(node: Any) -> None:
    """Removes what only the library's hook for enumerations needs."""
    if isinstance(node, dict):
        node.pop("x-spec-enum-id", None)
    for inner in node.values() if isinstance(node, dict) else node if isinstance(node, list) else []:
        _remove_enum_ids(inner)


def _move_error_responses(operations: list[dict[str, Any]]) -> dict[str, Any]:
    """Replaces the error responses of the operations with references to components, and returns these.

    A component is named by its codes, such as `NotFound` or `InvalidCursorOrInvalidLimit`.
    """
    moved: dict[str, Any] = {}
    for responses in (operation["responses"] for operation in operations):
        for status, response in responses.items():
            if CONTENT_TYPE in response.get("content", {}):
                codes = response["content"][CONTENT_TYPE]["examples"]
                name = "Or".join(code.title().replace("_", "") for code in codes)
                moved[name] = response
                responses[status] = _reference("responses", name)
    return dict(sorted(moved.items()))


def _add_problems(components: dict[str, Any]) -> None:
    """The schema of errors, with the codes of all operations, and an example of each code."""
    responses = components["responses"].values()
    codes = {code for response in responses for code in response["content"][CONTENT_TYPE]["examples"]}
    by_code = {refusal.code: refusal for refusal in _subclasses(DomainError)}
    components["examples"] = {code: _problem_example(by_code[code]) for code in sorted(codes)}
    code = {"type": "string", "enum": sorted(codes | {refusal.code for refusal in ANYWHERE})}
    problem = PROBLEM | {
        "properties": PROBLEM["properties"] | {"code": code},  # type: ignore[operator]
        "examples": [components["examples"][kernel.Invalid.code]["value"]],
    }
    components["schemas"] |= {"FieldError": FIELD_ERROR, "Problem": problem}


def _move_parameters(operations: list[dict[str, Any]]) -> dict[str, Any]:
    """Completes the parameters. Replaces those that several operations share with references, and returns these."""
    by_name: dict[str, list[dict[str, Any]]] = {}
    for parameter in (parameter for operation in operations for parameter in operation.get("parameters", [])):
        if "description" in parameter:
            parameter["description"] = parameter["description"].strip()
        if parameter["in"] == "path":
            parameter |= PATH_PARAMETERS.get(parameter["name"], {})
        by_name.setdefault(parameter["name"], []).append(parameter)
    moved = {name: same[0] for name, same in sorted(by_name.items()) if len(same) > 1 and same == same[:1] * len(same)}
    for operation in operations:
        if "parameters" in operation:
            operation["parameters"] = [
                _reference("parameters", each["name"]) if each["name"] in moved else each
                for each in operation["parameters"]
            ]
    return moved


# ── Examples ─────────────────────────────────────────────────────────────────────────────────────────────
BY_FORMAT = {"uuid": ID, "date-time": TIME, "email": "alice@example.org"}
BY_TYPE = {"string": "", "integer": 0, "number": 0, "boolean": False, "null": None}


def _add_examples(schemas: dict[str, Any], operations: list[dict[str, Any]]) -> None:
    """Adds an example to each object of a response and to each request body."""
    bodies = [body for op in operations for body in op.get("requestBody", {}).get("content", {}).values()]
    for body in bodies:
        name = _name(body["schema"])
        variants = [_name(variant) for variant in schemas[name].get("oneOf", [])]
        if variants:
            body["examples"] = {variant: {"value": _request_example(schemas[variant])} for variant in variants}
        else:
            body["example"] = _request_example(schemas[name])
    requests = _reachable([body["schema"] for body in bodies], schemas)
    examples = {name: _example(schema, schemas) for name, schema in schemas.items() if name not in requests}
    for name, schema in schemas.items():
        if name in requests:
            _describe_defaults(schema)
        elif schema.get("type") == "object":
            schema.setdefault("examples", [examples[name]])
        schema.pop("x-example", None)


def _name(schema: dict[str, Any]) -> str:
    return str(schema["$ref"].rsplit("/", 1)[1])


def _reachable(parts: list[Any], schemas: dict[str, Any]) -> set[str]:
    """The names of all schemas that the parts refer to."""
    found: set[str] = set()
    while parts:
        part = parts.pop()
        if isinstance(part, list):
            parts += part
        elif isinstance(part, dict):
            if "$ref" in part and (name := _name(part)) not in found:
                found.add(name)
                parts.append(schemas[name])
            parts += part.values()
    return found


def _describe_defaults(schema: dict[str, Any]) -> None:
    """Moves the defaults of a request to the descriptions, because generators require fields that have a default."""
    for field in schema.get("properties", {}).values():
        if (default := field.pop("default", "")) != "":
            described = f"{field.get('description', '').rstrip('.')}. Default: `{default}`."
            field["description"] = described.removeprefix(". ")


def _request_example(schema: dict[str, Any]) -> dict[str, Any]:
    """The whole body, as `example(...)` gives it."""
    return dict(schema.get("x-example", {}))


def _example(schema: dict[str, Any], schemas: dict[str, Any]) -> Any:
    """A valid value, with the values of `example(...)` where there are any."""
    if "$ref" in schema:
        return _example(schemas[_name(schema)], schemas)
    if "oneOf" in schema:
        return _example(schema["oneOf"][0], schemas)
    if "allOf" in schema:
        return _example(schema["allOf"][0], schemas)
    if "enum" in schema:
        return schema["enum"][0]
    kinds = schema.get("type", "object")
    kind = kinds if isinstance(kinds, str) else kinds[0]
    if kind == "object":
        given = schema.get("x-example", {})
        fields = schema.get("properties", {})
        return {name: given[name] if name in given else _example(field, schemas) for name, field in fields.items()}
    if kind == "array":
        return [_example(schema["items"], schemas)]
    return BY_FORMAT.get(schema.get("format", ""), BY_TYPE[kind])
