"""The OpenAPI document as the tests read it: the file that the API serves."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from jsonschema import Draft202012Validator

STATIC = Path(__file__).resolve().parents[2] / "static"
DOCUMENT: dict[str, Any] = json.loads((STATIC / "openapi.json").read_text())
SCHEMAS: dict[str, Any] = DOCUMENT["components"]["schemas"]
PROBLEM = "application/problem+json"


class Operation(NamedTuple):
    method: str
    path: str
    description: dict[str, Any]

    def responses(self) -> dict[str, dict[str, Any]]:
        return {status: resolve(response) for status, response in self.description["responses"].items()}

    def parameters(self) -> dict[str, dict[str, Any]]:
        return {each["name"]: each for each in map(resolve, self.description.get("parameters", []))}

    def request_schema(self) -> dict[str, Any] | None:
        body = self.description.get("requestBody")
        return body["content"]["application/json"]["schema"] if body else None

    def request_examples(self) -> dict[str, Any]:
        if not (body := self.description.get("requestBody")):
            return {}
        content = body["content"]["application/json"]
        named = {name: each["value"] for name, each in content.get("examples", {}).items()}
        return named or {"": content["example"]}

    def own_error_codes(self) -> dict[str, set[str]]:
        """The codes by status, without the `default` response."""
        return {
            status: set(re.findall(r"`(\w+)`: ", response["description"]))
            for status, response in self.responses().items()
            if status != "default" and PROBLEM in response.get("content", {})
        }

    def error_codes(self) -> dict[str, set[str]]:
        """The codes by status, with those of the `default` response that the operation can have."""
        impossible = {"413", "415"} if self.method == "GET" else set()
        impossible |= set() if self.description.get("security") else {"401"}
        common = {status: codes for status, codes in COMMON_ERRORS.items() if status not in impossible}
        return common | self.own_error_codes()


def resolve(node: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in node:
        target: Any = DOCUMENT
        for part in node["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        node = target
    return node


def common_errors() -> dict[str, set[str]]:
    """The codes by status of the `default` response."""
    found: dict[str, set[str]] = {}
    description = DOCUMENT["components"]["responses"]["CommonError"]["description"]
    for status, code in re.findall(r"(\d{3}) `(\w+)`: ", description):
        found.setdefault(status, set()).add(code)
    return found


COMMON_ERRORS = common_errors()
OPERATIONS = {
    operation["operationId"]: Operation(method.upper(), path, operation)
    for path, methods in DOCUMENT["paths"].items()
    for method, operation in methods.items()
}


def schemas_within(node: Any, seen: set[str] | None = None) -> set[str]:
    """The names of all schemas that a node refers to, directly or not."""
    seen = set() if seen is None else seen
    if isinstance(node, list):
        for inner in node:
            schemas_within(inner, seen)
    elif isinstance(node, dict):
        reference = node.get("$ref", "")
        if isinstance(reference, str) and reference.startswith("#/components/schemas/"):
            name = reference.rsplit("/", 1)[1]
            if name not in seen:
                seen.add(name)
                schemas_within(SCHEMAS[name], seen)
        for inner in node.values():
            schemas_within(inner, seen)
    return seen


def errors_of(value: Any, schema: dict[str, Any]) -> list[str]:
    """What is wrong with a value, with unknown fields as an error."""
    validator = Draft202012Validator({**closed(schema), "components": closed(DOCUMENT["components"])})
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(value)]


def closed(node: Any) -> Any:
    """The schemas without additional properties."""
    if isinstance(node, list):
        return [closed(inner) for inner in node]
    if not isinstance(node, dict):
        return node
    inner = {key: closed(value) for key, value in node.items()}
    return {"additionalProperties": False, **inner} if isinstance(node.get("properties"), dict) else inner


# What tools take for values without an example.
BY_FORMAT = {
    "uuid": "019ab8a4-6c1e-7d3f-9a51-3f5c0e7b2d10",
    "date-time": "2026-11-23T16:14:05.123Z",
    "email": "alice@example.org",
}
BY_TYPE = {"string": "string", "integer": 0, "number": 0, "boolean": True, "null": None}


def composed(schema: dict[str, Any]) -> Any:
    """The example of a schema, as Swagger UI and ReDoc compose it from the examples within."""
    schema = resolve(schema)
    if "examples" in schema:
        return schema["examples"][0]
    if "oneOf" in schema:
        return composed(schema["oneOf"][0])
    if "enum" in schema:
        return schema["enum"][0]
    kinds = schema["type"]
    kind = kinds if isinstance(kinds, str) else kinds[0]
    if kind == "object":
        return {name: composed(field) for name, field in schema.get("properties", {}).items()}
    if kind == "array":
        return [composed(schema["items"])]
    return BY_FORMAT.get(schema.get("format", ""), BY_TYPE[kind])


def placeholders(value: Any, name: str = "") -> list[str]:
    """The fields of an example whose text says nothing. A note may be empty."""
    if isinstance(value, dict):
        return [found for key, inner in value.items() for found in placeholders(inner, key)]
    if isinstance(value, list):
        return [found for inner in value for found in placeholders(inner, name)]
    return [name] if value in ("", "text", "string") and name != "note" else []


def examples() -> Iterator[tuple[str, Any, dict[str, Any]]]:
    """(place, value, schema) of every example: of each request body, and of each object and field of a response."""
    requests = schemas_within([operation.request_schema() for operation in OPERATIONS.values()])
    for operation_id, operation in OPERATIONS.items():
        for name, value in operation.request_examples().items():
            yield f"{operation_id} {name}", value, operation.request_schema() or {}
    for name, schema in SCHEMAS.items():
        if name not in requests:
            yield name, composed(schema), schema
        for field, inner in schema.get("properties", {}).items():
            for value in inner.get("examples", []):
                yield f"{name}.{field}", value, inner
