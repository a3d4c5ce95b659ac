"""The OpenAPI document is the contract: fresh, valid, complete."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.urls import URLPattern, URLResolver, get_resolver
from drf_spectacular.generators import SchemaGenerator

WRITTEN = Path(__file__).resolve().parents[2] / "docs" / "openapi.yaml"
# Pages and documents, described by themselves.
UNDESCRIBED = {"v1/schema", "v1/docs", "v1/redoc"}


def routes(resolver: Any = None, prefix: str = "") -> dict[str, set[str]]:
    """{path: methods} of every route of the API, read off the URLconf."""
    found: dict[str, set[str]] = {}
    for entry in (resolver or get_resolver()).url_patterns:
        path = prefix + str(entry.pattern)
        if isinstance(entry, URLResolver) and not path.startswith("admin"):
            found |= routes(entry, path)
        elif isinstance(entry, URLPattern) and path.startswith("v1/") and path not in UNDESCRIBED:
            found[path] = {method.upper() for method in entry.callback.actions} - {"HEAD"}  # type: ignore[attr-defined]
    return found


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return SchemaGenerator().get_schema(public=True)


def test_document_in_the_repository_matches_the_code(document):
    assert yaml.safe_load(WRITTEN.read_text()) == document


def test_every_route_is_documented(document):
    described = {(path, method.upper()) for path, operations in document["paths"].items() for method in operations}
    plain = {
        ("/" + re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", path), method)
        for path, methods in routes().items()
        for method in methods
    }
    assert plain <= described


def operations(document: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    return [
        (f"{method.upper()} {path}", operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]


def test_every_operation_has_a_summary_a_success_and_a_unique_id(document):
    ids = [operation["operationId"] for _, operation in operations(document)]
    assert len(ids) == len(set(ids))
    for name, operation in operations(document):
        assert operation.get("summary"), name
        assert any(status.startswith("2") for status in operation["responses"]), name


def test_every_response_with_a_body_has_a_schema_and_an_example(document):
    for name, operation in operations(document):
        for status, response in operation["responses"].items():
            for body in response.get("content", {}).values():
                assert body.get("schema"), (name, status)
                assert "example" in body or body.get("examples"), (name, status)


def test_every_error_response_lists_its_codes(document):
    for name, operation in operations(document):
        for status, response in operation["responses"].items():
            if status.startswith(("4", "5")) and name != "GET /health/ready":
                problem = response["content"]["application/problem+json"]["schema"]["allOf"]
                assert problem[1]["properties"]["code"]["enum"], (name, status)


def test_every_error_code_is_explained_in_the_docs(document):
    codes = {
        code
        for _, operation in operations(document)
        for response in operation["responses"].values()
        for body in response.get("content", {}).values()
        for part in body["schema"].get("allOf", [])
        for code in part.get("properties", {}).get("code", {}).get("enum", [])
    }
    explained = set(re.findall(r"`(\w+)`", (WRITTEN.parent / "errors.md").read_text()))
    assert codes <= explained


@pytest.mark.django_db
def test_document_is_served_as_yaml_and_json_and_as_pages(anonymous):
    assert anonymous.get("/schema").content.startswith(b"openapi: 3.1")
    assert json.loads(anonymous.get("/schema?format=json").content)["openapi"].startswith("3.1")
    assert b"swagger-ui" in anonymous.get("/docs").content
    assert b"redoc" in anonymous.get("/redoc").content
