"""What a browser on another origin gets: the CORS headers with every status, and preflights in every state."""

import json

import pytest
from django.db import OperationalError

from apps.core.db.deadline import outage
from tests.factories import PASSWORD

pytestmark = pytest.mark.django_db
ORIGIN = "https://app.example"
SIGN_UP = {"handle": "alice", "email": "new@example.org", "password": PASSWORD}
# status: (whether bob signs in, method, path, body, headers)
CALLS = {
    200: (True, "GET", "/auth/me", None, {}),
    201: (False, "POST", "/users", SIGN_UP | {"handle": "newcomer"}, {}),
    202: (False, "POST", "/auth/password/reset", {"email": "x@example.org"}, {}),
    204: (True, "POST", "/auth/revoke", {}, {}),
    304: (True, "GET", "/auth/me", None, {"HTTP_IF_NONE_MATCH": "*"}),
    400: (True, "PATCH", "/users/me", {"unknown": 1}, {}),
    401: (False, "GET", "/feed", None, {}),
    403: (True, "PATCH", "/users/@alice", {"bio": "x"}, {}),
    404: (False, "GET", "/nothing", None, {}),
    405: (False, "PUT", "/feed", None, {}),
    409: (False, "POST", "/users", SIGN_UP, {}),
    413: (False, "POST", "/auth/token", {"login": "x" * 300_000}, {}),
    415: (True, "PATCH", "/users/me", {"bio": "x"}, {"HTTP_CONTENT_ENCODING": "gzip"}),
    422: (True, "POST", "/media/upload", {"content_type": "image/png", "bytes": 1}, {"HTTP_IDEMPOTENCY_KEY": "k"}),
    429: (False, "POST", "/auth/token", {"login": "alice", "password": "x"}, {}),
    500: (True, "GET", "/feed", None, {}),
    503: (True, "GET", "/feed", None, {}),
}


@pytest.fixture(autouse=True)
def origins(settings):
    settings.CORS_ALLOW_ALL_ORIGINS = False
    settings.CORS_ALLOWED_ORIGINS = [ORIGIN]


@pytest.fixture
def arrange(api, bob, settings, monkeypatch):
    """Prepares what leads to a status."""

    def fail_with(error):
        def fail(*args, **kwargs):
            raise error

        monkeypatch.setattr("apps.feed.timeline.newest_ids", fail)

    def prepare(status, caller):
        match status:
            case 422:
                caller.post("/media/upload", {"content_type": "image/png", "bytes": 2}, HTTP_IDEMPOTENCY_KEY="k")
            case 429:
                settings.RATE_LIMITS_ENABLED = True
                settings.RATE_LIMITS = settings.RATE_LIMITS | {"sign_in_account": (0, 300)}
            case 500:
                fail_with(ZeroDivisionError())
            case 503:
                fail_with(OperationalError("connection refused"))

    return prepare


def may_read(answer):
    return answer.headers.get("Access-Control-Allow-Origin") == ORIGIN and "origin" in answer.headers["Vary"].lower()


@pytest.mark.parametrize("status", list(CALLS))
def test_every_status_may_be_read_by_the_origin(api, bob, arrange, status):
    signs_in, method, path, body, headers = CALLS[status]
    caller = api(bob if signs_in else None)
    arrange(status, caller)
    data = json.dumps(body) if body is not None else ""
    answer = caller.generic(method, path, data, HTTP_ORIGIN=ORIGIN, **headers)
    assert answer.status_code == status, answer.content
    assert may_read(answer)
    assert "Retry-After" in answer.headers["Access-Control-Expose-Headers"]
    elsewhere = caller.generic(method, path, data, HTTP_ORIGIN="https://evil.example", **headers)
    assert "Access-Control-Allow-Origin" not in elsewhere.headers


@pytest.mark.parametrize("path", ["/feed", "/auth/token", "/auth/token/", "/users/@alice", "/nothing", "/schema"])
@pytest.mark.parametrize("state", ["well", "outage", "limited"])
def test_preflight_is_answered_in_every_state(anonymous, settings, monkeypatch, path, state):
    if state == "outage":
        monkeypatch.setattr(outage, "active", True)
    if state == "limited":
        settings.RATE_LIMITS_ENABLED = True
        settings.RATE_LIMITS = dict.fromkeys(settings.RATE_LIMITS, (0, 60))
    asked = {
        "HTTP_ORIGIN": ORIGIN,
        "HTTP_ACCESS_CONTROL_REQUEST_METHOD": "DELETE",
        "HTTP_ACCESS_CONTROL_REQUEST_HEADERS": "authorization, idempotency-key",
    }
    answer = anonymous.options(path, **asked)
    assert answer.status_code == 200
    assert may_read(answer)
    assert "DELETE" in answer.headers["Access-Control-Allow-Methods"]
    assert "idempotency-key" in answer.headers["Access-Control-Allow-Headers"]


@pytest.mark.promise("C8")
@pytest.mark.parametrize("path", ["/feed", "/auth/token", "/nothing", "/explore"])
def test_response_during_an_outage_may_be_read_by_the_origin(anonymous, monkeypatch, path):
    monkeypatch.setattr(outage, "active", True)
    answer = anonymous.get(path, HTTP_ORIGIN=ORIGIN)
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    assert may_read(answer)
    assert answer.headers["Retry-After"]
