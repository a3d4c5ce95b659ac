"""The postprocessing hook that completes the OpenAPI document: errors, parameters and examples become components."""

from typing import Any

from apps.core import errors as kernel
from apps.core.api.schema import COMMON_ERRORS, ID, common_error_response, reference

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
PROBLEM: dict[str, Any] = {
    "type": "object",
    "description": "An error (RFC 9457). Clients switch on `code`.",
    "required": ["type", "title", "status", "code", "detail", "request_id"],
    "properties": {
        "type": {
            "type": "string",
            "format": "uri",
            "examples": [f"https://photogram.example/errors/{kernel.Invalid.code}"],
        },
        "title": {"type": "string", "examples": [str(kernel.Invalid.title)]},
        "status": {"type": "integer", "examples": [kernel.Invalid.status]},
        "code": {"type": "string", "examples": [kernel.Invalid.code]},
        "detail": {"type": "string", "examples": ["1 field is invalid."]},
        "request_id": {"type": "string", "examples": [ID]},
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
        "field": {
            "type": "string",
            "description": "Its path, such as `caption` or `media_ids.0`.",
            "examples": ["caption"],
        },
        "code": {"type": "string", "examples": ["too_long"]},
        "message": {"type": "string", "examples": ["At most 2200 characters."]},
    },
}


def complete(result: dict[str, Any], generator: Any, request: Any, public: bool) -> dict[str, Any]:
    """Postprocessing hook: adds the shared components, the descriptions of path parameters and the examples."""
    components = result.setdefault("components", {})
    components["headers"] = HEADERS
    operations = [operation for path in result["paths"].values() for operation in path.values()]
    _remove_enum_ids(result)
    responses, codes = _move_error_responses(operations)
    components["responses"] = {"CommonError": common_error_response(), **responses}
    components["schemas"] |= {"FieldError": FIELD_ERROR, "Problem": _problem(codes)}
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


def _move_error_responses(operations: list[dict[str, Any]]) -> tuple[dict[str, Any], set[str]]:
    """Replaces the error responses of the operations with references to components; returns these, and all codes.

    A component is named by its codes, such as `NotFound` or `InvalidCursorOrInvalidLimit`.
    """
    moved: dict[str, Any] = {}
    found: set[str] = set()
    for responses in (operation["responses"] for operation in operations):
        for status, response in responses.items():
            if codes := response.pop("x-codes", None):
                found.update(codes)
                name = "Or".join(code.title().replace("_", "") for code in codes)
                moved[name] = response
                responses[status] = reference("responses", name)
    return dict(sorted(moved.items())), found


def _problem(codes: set[str]) -> dict[str, Any]:
    """The schema of errors with every code."""
    properties = PROBLEM["properties"]
    code = properties["code"] | {"enum": sorted(codes | {refusal.code for refusal in COMMON_ERRORS})}
    return PROBLEM | {"properties": properties | {"code": code}}


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
def _add_examples(schemas: dict[str, Any], operations: list[dict[str, Any]]) -> None:
    """Adds an example to each request body and to the fields of responses."""
    bodies = [body for op in operations for body in op.get("requestBody", {}).get("content", {}).values()]
    for body in bodies:
        name = _name(body["schema"])
        variants = [_name(variant) for variant in schemas[name].get("oneOf", [])]
        if variants:
            body["examples"] = {variant: {"value": _request_example(schemas[variant])} for variant in variants}
        else:
            body["example"] = _request_example(schemas[name])
    requests = _reachable([body["schema"] for body in bodies], schemas)
    for name, schema in schemas.items():
        values = schema.pop("x-example", {})
        if name in requests:
            _describe_defaults(schema)
        else:
            _add_to_fields(values, schema)


def _add_to_fields(values: dict[str, Any], schema: dict[str, Any]) -> None:
    """Adds examples to the fields of an object in a response.

    Tools compose the example of an object from those of its fields and of the objects in it, so none is written twice.
    They add ids, times and the first value of an enumeration, but take every boolean for true.
    """
    for name, field in schema["properties"].items():
        if name in values and values[name] != field.get("enum", [...])[0]:
            field["examples"] = [values[name]]
        elif field.get("type") == "boolean":
            field.setdefault("examples", [False])


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
