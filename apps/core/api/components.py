"""The postprocessing hook that completes the OpenAPI document: errors, parameters and examples become components."""

from typing import Any

from apps.core import errors as kernel
from apps.core.api.problems import CONTENT_TYPE
from apps.core.api.schema import ID, reference
from apps.core.errors import DomainError

TIME = "2026-11-23T16:14:05.123Z"
# By their names in a path.
PATH_PARAMETERS = {
    "user": {"description": "A user id, `@handle` or `me`.", "example": "@bob"},
    "tag": {"description": "A tag without `#`.", "example": "husum"},
}
# Errors that every operation can have and that are not listed at each.
ANYWHERE = [kernel.MethodNotAllowed, kernel.InternalError]


def _header(description: str) -> dict[str, Any]:
    return {"description": description, "schema": {"type": "integer"}}


# Every response has the rate limit and `X-Request-ID`, as the introduction says. They are listed where they matter.
HEADERS = {
    "Retry-After": _header("Seconds to wait before the next attempt."),
    "RateLimit-Limit": _header("Requests allowed in the current window."),
    "RateLimit-Remaining": _header("Requests left in it."),
    "RateLimit-Reset": _header("Seconds until the next window."),
}
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


def _problem_example(refusal: type[DomainError]) -> dict[str, Any]:
    value = {
        "type": f"https://photogram.example/errors/{refusal.code}",
        "title": str(refusal.title),
        "status": refusal.status,
        "code": refusal.code,
        "detail": str(refusal.title),
        "request_id": ID,
    }
    if refusal is kernel.Invalid:
        value |= {"detail": "1 field is invalid.", "errors": FIELD_ERROR["examples"]}
    return {"summary": str(refusal.title), "value": value}


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
        node = list(node.values())
    if isinstance(node, list):
        for inner in node:
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
                responses[status] = reference("responses", name)
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
                reference("parameters", each["name"]) if each["name"] in moved else each
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
