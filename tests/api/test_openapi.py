"""The OpenAPI document is the contract: fresh, valid, complete, and pleasant to generate clients from."""

import json
import re
from typing import Any

import pytest
import yaml
from django.urls import URLPattern, URLResolver, get_resolver
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.renderers import OpenApiJsonRenderer

from tests.api.openapi import (
    COMMON_ERRORS,
    DOCUMENT,
    OPERATIONS,
    PROBLEM,
    SCHEMAS,
    STATIC,
    composed,
    errors_of,
    examples,
    placeholders,
    schemas_within,
)

# Pages and documents, described by themselves.
UNDESCRIBED = {"v1/schema", "v1/docs", "v1/redoc"}
# Former paths of other routes.
ALIASES = {"v1/posts/<uuid:post_id>/comment"}
every_operation = pytest.mark.parametrize("operation_id", OPERATIONS)


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


def test_document_in_the_repository_matches_the_code():
    generated = json.loads(OpenApiJsonRenderer().render(SchemaGenerator().get_schema(public=True)))
    assert generated == DOCUMENT
    assert generated == yaml.load((STATIC / "openapi.yaml").read_bytes(), Loader=yaml.CSafeLoader)
    assert (STATIC.parent / "docs" / "openapi.yaml").read_bytes() == (STATIC / "openapi.yaml").read_bytes()


def test_document_is_small():
    assert (STATIC / "openapi.yaml").stat().st_size <= 250_000
    # Each schema becomes a module of the Python client.
    assert len(SCHEMAS) <= 170


def test_every_route_but_the_aliases_is_documented():
    described = {(operation.path, operation.method) for operation in OPERATIONS.values()}
    plain = {
        ("/" + re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", path), method)
        for path, methods in routes().items()
        if path not in ALIASES
        for method in methods
    }
    assert plain == {(path, method) for path, method in described if path.startswith("/v1/")}


# ── Names and texts ──────────────────────────────────────────────────────────────────────────────────────
VERBS = {
    *(
        "accept",
        "appeal",
        "block",
        "cancel",
        "deactivate",
        "change",
        "close",
        "comment",
        "complete",
        "confirm",
        "count",
        "create",
        "decide",
    ),
    *("delete", "follow", "get", "like", "list", "mark", "mute", "object", "refresh", "reject", "remove", "report"),
    "request",
    *(
        "resend",
        "reset",
        "restore",
        "revert",
        "revoke",
        "save",
        "search",
        "sign",
        "start",
        "subscribe",
        "suspend",
        "take",
    ),
    *("unblock", "unfollow", "unlike", "unmute", "unsave", "unsuspend", "update"),
    *("hide", "limit", "undo", "warn"),
}


def test_operation_ids_are_unique():
    operations = [operation for path in DOCUMENT["paths"].values() for operation in path.values()]
    assert len(operations) == len(OPERATIONS)


@every_operation
def test_operation_has_a_name_and_an_english_summary(operation_id):
    described = OPERATIONS[operation_id].description
    assert re.fullmatch(r"[a-z]+([A-Z][a-z]+)+", operation_id)
    assert re.match("[a-z]+", operation_id)[0] in VERBS
    summary = described["summary"]
    assert re.fullmatch(r"[A-Z][a-zA-Z,' -]{3,50}", summary), summary
    assert summary.split()[0].rstrip(",").lower() in VERBS | {"check", "edit"}
    assert not set(summary.lower().split()) & {"one", "one's", "oneself", "somebody", "whom", "what"}
    description = described.get("description", "Nothing.")
    assert re.match(r"[A-Z`]", description), description
    assert description.endswith("."), description


def test_introduction_explains_what_all_operations_have_in_common():
    text = DOCUMENT["info"]["description"]
    chapters = re.findall(r"^## (.+)$", text, re.MULTILINE)
    assert {"Authentication", "Errors", "Lists", "Ids, times and texts", "Uploads and photos", "Limits"} <= {*chapters}
    for name in ("RateLimit-Limit", "Retry-After", "Idempotency-Key", "next_cursor", "?variants=", "`code`", "@handle"):
        assert name in text
    for path in re.findall(r"`(?:GET|POST|PUT|PATCH|DELETE) (/v1\S*?)`", text):
        assert path.replace("/users/me", "/users/{user}") in DOCUMENT["paths"], path


def test_servers_and_tags_are_described_and_every_operation_has_a_tag():
    assert DOCUMENT["servers"]
    assert all(server["url"] and server["description"] for server in DOCUMENT["servers"])
    assert all(tag["description"].endswith(".") for tag in DOCUMENT["tags"])
    used = [tag for operation in OPERATIONS.values() for tag in operation.description["tags"]]
    assert len(used) == len(OPERATIONS)
    assert set(used) == {tag["name"] for tag in DOCUMENT["tags"]}


@pytest.mark.parametrize(
    ("operation_id", "security"),
    [
        ("signUp", None),
        ("signIn", None),
        ("getLiveness", None),
        ("getUser", [{"bearer": []}, {}]),
        ("appealModerationAction", [{"bearer": []}, {}]),
        ("createPost", [{"bearer": []}]),
    ],
)
def test_operation_states_whether_it_needs_a_token(operation_id, security):
    assert OPERATIONS[operation_id].description.get("security") == security


# ── Parameters and bodies ────────────────────────────────────────────────────────────────────────────────
def test_limit_is_an_integer():
    limits = [parameters["limit"] for each in OPERATIONS.values() if "limit" in (parameters := each.parameters())]
    assert len(limits) > 20
    for limit in limits:
        assert limit["schema"] == {"type": "integer", "minimum": 1, "default": 20}


def test_requests_do_not_require_fields_that_have_a_default():
    """Generators of clients require a field that has a `default`, so it is only described."""
    requests = schemas_within([operation.request_schema() for operation in OPERATIONS.values()])
    fields = [(name, field) for name in requests for field in SCHEMAS[name].get("properties", {}).values()]
    assert not [name for name, field in fields if "default" in field]
    upload = SCHEMAS["UploadBodyRequest"]
    assert set(upload["required"]) == {"content_type", "bytes"}
    assert "Default: `post`" in upload["properties"]["purpose"]["description"]


def test_sign_in_is_a_discriminated_union():
    union = SCHEMAS["SignInRequest"]
    assert len(union["oneOf"]) == 4
    assert union["discriminator"]["propertyName"] == "grant_type"
    assert set(SCHEMAS["PasswordSignInRequest"]["required"]) == {"login", "password"}
    assert set(SCHEMAS["RefreshSignInRequest"]["required"]) == {"grant_type", "refresh"}
    for grant_type, reference in union["discriminator"]["mapping"].items():
        assert SCHEMAS[reference.rsplit("/", 1)[1]]["properties"]["grant_type"]["enum"] == [grant_type]


@every_operation
def test_operation_takes_variants_if_its_response_has_photos(operation_id):
    operation = OPERATIONS[operation_id]
    successes = [response for status, response in operation.responses().items() if status.startswith("2")]
    assert ("variants" in operation.parameters()) == ("Media" in schemas_within(successes))


# ── Responses and examples ───────────────────────────────────────────────────────────────────────────────
@every_operation
def test_operation_has_described_responses(operation_id):
    operation = OPERATIONS[operation_id]
    assert any(status.startswith("2") for status in operation.responses())
    for status, response in operation.responses().items():
        for media_type, content in response.get("content", {}).items():
            [name] = [content["schema"]["$ref"].rsplit("/", 1)[1]]
            assert name in SCHEMAS
            assert (media_type == PROBLEM) is (name == "Problem"), status
    assert all(operation.own_error_codes().values())


@every_operation
def test_errors_that_any_operation_may_have_are_described_once(operation_id):
    operation = OPERATIONS[operation_id]
    assert operation.description["responses"]["default"] == {"$ref": "#/components/responses/CommonError"}
    assert {"401", "405", "413", "415", "429", "500", "503"} == set(COMMON_ERRORS)
    for status, codes in operation.own_error_codes().items():
        is_common = status in COMMON_ERRORS and (status != "401" or "security" in operation.description)
        assert not is_common or codes - COMMON_ERRORS[status], status


def test_readiness_describes_its_report_for_both_statuses():
    responses = OPERATIONS["getReadiness"].responses()
    report = {"application/json": {"schema": {"$ref": "#/components/schemas/Health"}}}
    assert responses["200"]["content"] == responses["503"]["content"] == report


def test_each_message_of_an_error_is_in_descriptions_only():
    assert "examples" not in DOCUMENT["components"]
    for response in DOCUMENT["components"]["responses"].values():
        assert response["content"] == {PROBLEM: {"schema": {"$ref": "#/components/schemas/Problem"}}}


def test_problem_lists_every_code():
    codes = {code for each in OPERATIONS.values() for codes in each.error_codes().values() for code in codes}
    assert set(SCHEMAS["Problem"]["properties"]["code"]["enum"]) == codes
    explained = set(re.findall(r"`(\w+)`", (STATIC.parent / "docs" / "errors.md").read_text()))
    assert codes <= explained


def test_every_example_is_valid():
    faults = {place: errors for place, value, schema in examples() if (errors := errors_of(value, schema))}
    assert not faults


def test_examples_have_no_placeholders():
    assert not {place: found for place, value, _ in examples() if (found := placeholders(value, place.rsplit(".")[-1]))}


def test_examples_do_not_contradict_themselves():
    media = composed(SCHEMAS["Media"])
    assert (media["status"], media["error"]) == ("ready", None)
    for variant in media["variants"]:
        suffix = {"image/webp": "webp", "image/jpeg": "jpg"}[variant["content_type"]]
        assert variant["url"].endswith(f"{variant['name']}.{suffix}")
        assert variant["width"] <= media["width"]
    post = composed(SCHEMAS["Post"])
    assert (post["status"], post["media"]) == ("published", [media])
    for mention in post["mentions"]:
        at = slice(mention["offset"], mention["offset"] + mention["length"])
        assert post["caption"][at] == f"@{mention['handle']}"
    relationship = composed(SCHEMAS["Relationship"])
    assert not relationship["following"] or not relationship["blocking"]
    upload = composed(SCHEMAS["UploadTarget"])
    assert upload["headers"].keys() == {"Content-Type"}


# ── Serving ──────────────────────────────────────────────────────────────────────────────────────────────
class TestServing:
    @pytest.mark.parametrize(
        ("query", "accept", "name"),
        [
            ("", "*/*", "openapi.yaml"),
            ("", "text/html", "openapi.yaml"),
            ("", "application/yaml", "openapi.yaml"),
            ("", "application/vnd.oai.openapi", "openapi.yaml"),
            ("", "application/json", "openapi.json"),
            ("", "application/vnd.oai.openapi+json", "openapi.json"),
            ("?format=json", "*/*", "openapi.json"),
            ("?format=yaml", "application/json", "openapi.yaml"),
        ],
    )
    def test_document_is_the_file(self, anonymous, query, accept, name):
        response = anonymous.get(f"/schema{query}", HTTP_ACCEPT=accept)
        assert response.status_code == 200
        assert response.content == (STATIC / name).read_bytes()
        assert response.headers["Content-Type"].endswith("json") == name.endswith("json")
        assert "Accept" in response.headers["Vary"]

    def test_document_is_cached_and_has_an_etag(self, anonymous):
        first = anonymous.get("/schema")
        assert "max-age" in first.headers["Cache-Control"]
        assert anonymous.get("/schema", HTTP_IF_NONE_MATCH=first.headers["ETag"]).status_code == 304
        assert anonymous.post("/schema").json()["code"] == "method_not_allowed"

    @pytest.mark.parametrize("page", ["docs", "redoc"])
    def test_page_refers_to_this_server_only(self, anonymous, page):
        html = anonymous.get(f"/{page}").content.decode()
        assert page.replace("docs", "swagger-ui") in html
        references = re.findall(r'(?:src|href|spec-url)="([^"]*)"', html)
        assert references
        assert all(reference.startswith("/") and not reference.startswith("//") for reference in references)
        assert "http:" not in html
        assert "https:" not in html

    def test_pages_read_the_document_as_json(self, anonymous):
        assert b"/v1/schema?format=json" in anonymous.get("/redoc").content
        assert b"/v1/schema?format\\u003Djson" in anonymous.get("/docs?script=").content
