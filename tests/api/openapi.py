"""The OpenAPI document as the tests read it: the file that the API serves."""

import json
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

    def error_codes(self) -> dict[str, set[str]]:
        """The codes by status."""
        problems = {status: response.get("content", {}).get(PROBLEM) for status, response in self.responses().items()}
        return {status: set(problem["examples"]) for status, problem in problems.items() if problem}


def resolve(node: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in node:
        target: Any = DOCUMENT
        for part in node["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        node = target
    return node


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


def examples() -> Iterator[tuple[str, Any, dict[str, Any]]]:
    """(place, value, schema) of every example in the document."""
    for operation_id, operation in OPERATIONS.items():
        for name, value in operation.request_examples().items():
            yield f"{operation_id} {name}", value, operation.request_schema() or {}
        for status, response in operation.responses().items():
            for content in response.get("content", {}).values():
                for name, example in content.get("examples", {}).items():
                    yield f"{operation_id} {status} {name}", resolve(example)["value"], content["schema"]
    for name, schema in SCHEMAS.items():
        for value in schema.get("examples", []):
            yield name, value, schema
