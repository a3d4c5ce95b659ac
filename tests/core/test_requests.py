"""What holds for every request: ids, bodies, errors, headers, limits, outages."""

import datetime as dt
import functools
import gzip
import io
import json

import pytest
import time_machine
from django.conf import settings
from django.db import OperationalError, connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apps.accounts.models import User
from apps.core import cache, limits
from apps.core.models import IdempotencyKey
from apps.core.tasks.housekeeping import IDEMPOTENCY_KEYS_KEPT
from tests.api.test_openapi import routes
from tests.conftest import Caller
from tests.factories import PostFactory
from tests.threads import in_threads

pytestmark = pytest.mark.django_db


def raw(caller, path, body, content_type="application/json", method="POST"):
    return caller.generic(method, path, body, content_type)


HOSTILE = {
    "not json": (b"{", "application/json", 400, "malformed_request"),
    "an array": (b"[]", "application/json", 400, "malformed_request"),
    "a string": (b'"x"', "application/json", 400, "malformed_request"),
    "NaN": (b'{"caption": NaN}', "application/json", 400, "malformed_request"),
    "bad UTF-8": (b'{"caption": "\xff\xfe"}', "application/json", 400, "malformed_request"),
    "a lone surrogate": (b'{"caption": "\\ud800"}', "application/json", 400, "malformed_request"),
    "deep": (b'{"a":' * 5000 + b"1" + b"}" * 5000, "application/json", 400, "malformed_request"),
    "huge": (b'{"caption": "' + b"x" * 1_000_000 + b'"}', "application/json", 413, "body_too_large"),
    "a form": (b"caption=x", "application/x-www-form-urlencoded", 415, "unsupported_content_type"),
    "multipart": (b"--x\r\n\r\n--x--", "multipart/form-data; boundary=x", 415, "unsupported_content_type"),
    "XML": (b"<a/>", "application/xml", 415, "unsupported_content_type"),
    "a NUL": (b'{"caption": "a\\u0000b", "media_ids": []}', "application/json", 400, "validation_error"),
    "an overflow": (b'{"media_ids": [123456789012345678901234567890]}', "application/json", 400, None),
    "wrong types": (b'{"media_ids": {"a": 1}, "caption": []}', "application/json", 400, "validation_error"),
}


def is_problem(answer, status, code=None):
    assert answer.status_code == status, answer.content
    assert answer.headers["Content-Type"] == "application/problem+json"
    problem = json.loads(answer.content)
    assert problem["status"] == status
    assert problem["type"].endswith(problem["code"])
    assert problem["request_id"] == answer.headers["X-Request-ID"]
    assert {"title", "detail"} <= problem.keys()
    if code:
        assert problem["code"] == code
    return problem


@pytest.mark.promise("I2")
@pytest.mark.parametrize("kind", list(HOSTILE))
def test_hostile_body_is_a_4xx_problem(api, alice, kind):
    body, content_type, status, code = HOSTILE[kind]
    is_problem(raw(api(alice), "/posts", body, content_type), status, code)


@pytest.mark.promise("I2")
@pytest.mark.parametrize(
    ("encoding", "status"),
    [
        ("gzip", 415),
        ("GZIP", 415),
        ("br", 415),
        ("identity, gzip", 415),
        ("deflate", 415),
        ("identity", 200),
        ("", 200),
    ],
)
def test_compressed_body_is_415(api, alice, encoding, status):
    body = json.dumps({"bio": "x"}).encode()
    sent = gzip.compress(body) if status == 415 else body
    answer = api(alice).generic("PATCH", "/users/me", sent, HTTP_CONTENT_ENCODING=encoding)
    assert answer.status_code == status
    if status == 415:
        is_problem(answer, 415, "unsupported_content_type")


@pytest.mark.promise("I2")
@pytest.mark.parametrize("length", ["-1", "+2", "0x2", "1_0", "2.0", "2e0", " 2", "2,2", "٢", "²", "two", "1" * 5000])
def test_content_length_that_is_not_a_number_is_400(anonymous, length):
    answer = anonymous.generic("POST", "/auth/token", b"{}", CONTENT_LENGTH=length)
    is_problem(answer, 400, "malformed_request")


@pytest.mark.parametrize("length", ["0002", "2"])
def test_content_length_may_have_leading_zeros(api, alice, length):
    assert api(alice).generic("PATCH", "/users/me", b"{}", CONTENT_LENGTH=length).status_code == 200


def test_body_in_chunks_is_refused_and_not_taken_for_empty(api, alice, carol):
    chunked = {"CONTENT_LENGTH": "", "HTTP_TRANSFER_ENCODING": "chunked"}
    problem = is_problem(api(alice).generic("PATCH", "/users/me", b'{"bio": "x"}', **chunked), 400, "malformed_request")
    assert problem["detail"] == "Send the body with a Content-Length."
    empty = chunked | {"wsgi.input": io.BytesIO()}
    assert api(carol).generic("POST", "/users/@alice/follow", b"", **empty).status_code == 200


@pytest.mark.promise("I2")
@pytest.mark.parametrize("kind", ["not json", "bad UTF-8", "huge", "a form", "deep"])
def test_operation_without_body_refuses_a_malformed_one(api, alice, carol, kind):
    body, content_type, status, code = HOSTILE[kind]
    is_problem(raw(api(carol), "/users/@alice/follow", body, content_type), status, code)


@pytest.mark.promise("P8")
def test_operation_without_body_refuses_fields(api, alice, carol):
    problem = is_problem(api(carol).post("/users/@alice/follow", {"is_staff": True}), 400, "validation_error")
    assert problem["errors"] == [{"field": "is_staff", "code": "unknown_field", "message": "Unknown field."}]


@pytest.mark.parametrize(
    "path",
    [
        "/posts/x",
        "/posts/1",
        "/posts/019AB8A4-6C1E-7D3F-9A51-3F5C0E7B2D10",
        "/posts/%00",
        "/nothing",
        "/users/@x/nothing",
        "/tags//posts",
        "//",
        "/posts/%ff",
    ],
)
def test_unknown_route_or_malformed_id_is_404(api, alice, path):
    is_problem(api(alice).get(path), 404, "not_found")


@pytest.mark.parametrize("body", [{}, {"caption": "Low tide"}])
def test_unsupported_method_is_405_with_the_allowed_ones(api, alice, body):
    answer = api(alice).put("/posts", body)
    is_problem(answer, 405, "method_not_allowed")
    assert "POST" in answer.headers["Allow"]


@pytest.mark.parametrize("path", ["/auth/me", "/feed", "/nothing"])
def test_api_request_neither_reads_nor_sets_a_session(api, alice, path):
    caller = api(alice)
    caller.cookies[settings.SESSION_COOKIE_NAME] = "x" * 32
    with CaptureQueriesContext(connection) as queries:
        answer = caller.get(path)
    assert not answer.cookies
    assert "Cookie" not in answer.headers["Vary"]
    assert not [query for query in queries if "django_session" in str(query["sql"])]


def test_trailing_slash_is_accepted_without_redirect(api, alice):
    assert api(alice).get("/auth/me/").status_code == api(alice).get("/auth/me").status_code == 200
    assert api(alice).patch("/users/me/", {"bio": "x"}).json()["bio"] == "x"


def test_500_discloses_no_internals(api, alice, monkeypatch):
    def fail(*args, **kwargs):
        raise ZeroDivisionError("secret inside")

    monkeypatch.setattr("apps.feed.timeline.newest_ids", fail)
    answer = api(alice).get("/feed")
    is_problem(answer, 500, "internal_error")
    assert b"secret" not in answer.content
    assert b"Zero" not in answer.content


@pytest.mark.promise("C8")
def test_unavailable_database_is_503(api, alice, monkeypatch):
    def fail(*args, **kwargs):
        raise OperationalError("connection refused")

    monkeypatch.setattr("apps.feed.timeline.newest_ids", fail)
    answer = api(alice).get("/feed")
    is_problem(answer, 503, "unavailable")
    assert answer.headers["Retry-After"]


class TestHeaders:
    @pytest.mark.promise("I1", "P9")
    def test_every_response_has_the_security_headers(self, api, alice, anonymous):
        for answer in (
            api(alice).get("/auth/me"),
            api(alice).get("/feed"),
            anonymous.get("/auth/me"),
            anonymous.get("/nothing"),
            anonymous.get("/users/@alice"),
        ):
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")
            assert "private" in answer.headers["Cache-Control"]
            assert {"authorization", "origin"} <= set(answer.headers["Vary"].lower().split(", "))

    @pytest.mark.promise("I1")
    @pytest.mark.parametrize("path", ["/v1/users/@alice", "/admin/login/", "/v1/docs"])
    def test_api_and_pages_have_hsts_and_security_headers(self, alice, settings, path):
        settings.SECURE_HSTS_SECONDS = 3600
        answer = Client().get(path, secure=True)
        assert answer.status_code == 200
        assert "max-age=3600" in answer.headers["Strict-Transport-Security"]
        assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
        assert int(answer.headers["Content-Length"]) == len(answer.content)
        assert {"Referrer-Policy", "Cross-Origin-Opener-Policy", "X-Frame-Options"} <= set(answer.headers)
        assert bool(answer.cookies) is not path.startswith("/v1/")
        assert "Strict-Transport-Security" not in Client().get(path).headers

    @pytest.mark.parametrize("host", ["elsewhere.example", "127.0.0.1.evil.example", "[::1", "a b", "127.0.0.1:x", ""])
    @pytest.mark.parametrize("path", ["/v1/users/@alice", "/v1/none", "/admin/login/", "/health/live"])
    def test_unknown_host_is_refused_without_a_traceback(self, alice, path, host, caplog):
        is_problem(Client().get(path, headers={"Host": host}), 400, "invalid_host")
        assert not [record for record in caplog.records if record.exc_info]

    def test_configured_origins_may_read_responses(self, api, alice, settings):
        settings.CORS_ALLOW_ALL_ORIGINS = False
        settings.CORS_ALLOWED_ORIGINS = ["https://app.example"]

        def allowed(method="get", **headers):
            return getattr(api(alice), method)("/auth/me", **headers).headers.get("Access-Control-Allow-Origin")

        assert allowed(HTTP_ORIGIN="https://app.example") == "https://app.example"
        assert allowed(HTTP_ORIGIN="https://other.example") is None
        assert allowed() is None
        asked = {"HTTP_ORIGIN": "https://app.example", "HTTP_ACCESS_CONTROL_REQUEST_METHOD": "PATCH"}
        assert allowed("options", **asked) == "https://app.example"
        preflight = api(None).options("/users/me", **asked)
        assert preflight.status_code == 200
        assert "PATCH" in preflight.headers["Access-Control-Allow-Methods"]

    @pytest.mark.parametrize("offered", ["abc-1.2_3", "x" * 128])
    def test_valid_request_id_is_echoed(self, anonymous, offered):
        assert anonymous.get("/nothing", HTTP_X_REQUEST_ID=offered).headers["X-Request-ID"] == offered

    @pytest.mark.promise("I4")
    @pytest.mark.parametrize("offered", ["", "x" * 129, "a b", "a\nb", "ä", '"}'])
    def test_invalid_request_id_is_replaced(self, anonymous, offered):
        made = anonymous.get("/nothing", HTTP_X_REQUEST_ID=offered).headers["X-Request-ID"]
        assert made != offered
        assert len(made) == 36

    def test_times_are_utc_with_milliseconds(self, api, alice):
        assert dt.datetime.fromisoformat(api(alice).get("/auth/me").json()["created_at"]).utcoffset() == dt.timedelta(0)
        assert len(api(alice).get("/auth/me").json()["created_at"]) == 24

    def test_accept_header_is_ignored(self, anonymous, alice):
        for accept in ("text/html", "application/xml", "x" * 5000):
            assert anonymous.get("/users/@alice", HTTP_ACCEPT=accept).headers["Content-Type"] == "application/json"


class TestRateLimits:
    @pytest.fixture(autouse=True)
    def _small(self, settings):
        settings.RATE_LIMITS_ENABLED = True
        settings.RATE_LIMITS = settings.RATE_LIMITS | {"read": (3, 60), "anonymous": (2, 60)}
        with time_machine.travel(dt.datetime(2026, 11, 23, 12, 0, 10, tzinfo=dt.UTC), tick=False):
            yield

    @pytest.mark.promise("A5")
    def test_rate_limit_headers_count_down_to_429(self, api, alice):
        caller = api(alice)
        answers = [caller.get("/follow-requests") for _ in range(4)]
        assert [a.status_code for a in answers] == [200, 200, 200, 429]
        assert [a.headers["RateLimit-Remaining"] for a in answers] == ["2", "1", "0", "0"]
        assert {a.headers["RateLimit-Limit"] for a in answers} == {"3"}
        is_problem(answers[-1], 429, "rate_limited")
        assert answers[-1].headers["Retry-After"] == answers[-1].headers["RateLimit-Reset"] == "50"

    @pytest.mark.promise("A5")
    def test_forged_forwarded_for_is_ignored(self, anonymous, alice, settings):
        def get(forwarded):
            return anonymous.get("/users/@alice", HTTP_X_FORWARDED_FOR=forwarded).status_code

        assert [get(f"10.0.0.{n}") for n in range(3)] == [200, 200, 429]
        settings.TRUSTED_PROXIES = 1
        assert [get(f"10.0.0.{n}, 203.0.113.9") for n in range(3)] == [200, 200, 429]

    @pytest.mark.promise("A5")
    @pytest.mark.django_db(transaction=True)
    def test_rate_limit_is_exact_under_parallel_load(self, db):
        allowed = in_threads(12, lambda: limits.count_request("read", "somebody").exceeded)
        assert allowed.count(False) == 3

    @pytest.mark.promise("C7")
    def test_only_limits_that_protect_secrets_apply_without_redis(self, settings):
        settings.REDIS_URL = "redis://127.0.0.1:1/0"
        assert not any(limits.count_request("read", "somebody").exceeded for _ in range(9))
        guarded = [limits.count_request("read", "somebody", guards_a_secret=True).exceeded for _ in range(4)]
        assert guarded == [False, False, False, True]


class TestC7RedisAway:
    @pytest.mark.promise("C7")
    def test_requests_work_without_redis_and_do_not_wait(self, alice, api, settings):
        caller, post = api(alice), PostFactory(author=alice)
        settings.REDIS_URL = "redis://127.0.0.1:1/0"
        for path in ("/feed", f"/posts/{post.pk}", "/auth/me", "/users/@alice"):
            assert caller.get(path).status_code == 200
        with pytest.raises(cache.RedisUnavailable, match="breaker"):
            cache.call(lambda client: client.ping())


class TestService:
    def test_health_lists_each_dependency(self, anonymous):
        assert anonymous.get("/health/live").json() == {"status": "ok", "checks": {}, "reasons": {}}
        assert anonymous.get("/health/ready").json()["checks"]["database"] == "up"

    def test_instance_with_unapplied_migrations_is_not_ready(self, anonymous):
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM django_migrations WHERE app = 'notifications' AND name <> '0001_initial'")
        answer = anonymous.get("/health/ready")
        assert (answer.status_code, answer.json()["status"]) == (503, "unavailable")
        assert answer.json()["checks"]["schema"] == "down"
        reason = answer.json()["reasons"]["schema"]
        assert "migrations are not applied, for example notifications.0002" in reason
        assert reason.endswith("Run manage.py migrate.")

    def test_instance_of_an_older_release_is_ready(self, anonymous):
        with connection.cursor() as cursor:
            cursor.execute("INSERT INTO django_migrations (app, name, applied) VALUES ('feed', '9999_later', now())")
        assert anonymous.get("/health/ready").json()["checks"]["schema"] == "up"

    def test_readiness_names_the_root_cause_and_no_secret(self, anonymous, monkeypatch):
        def refuse():
            raise OperationalError("password authentication failed for 10.0.0.7")

        monkeypatch.setattr(connection, "ensure_connection", refuse)
        answer = anonymous.get("/health/ready")
        assert answer.status_code == 503
        assert answer.json()["checks"]["database"] == "down"
        assert answer.json()["reasons"]["database"] == "It does not answer."
        for name in ("schema", "relay", "queue_media"):
            assert answer.json()["checks"][name] == "unknown"
            assert answer.json()["reasons"][name] == "Not checked: PostgreSQL is down."

    def test_readiness_without_redis_is_degraded_with_200(self, anonymous, settings):
        settings.REDIS_URL = "redis://127.0.0.1:1/0"
        answer = anonymous.get("/health/ready")
        assert (answer.status_code, answer.json()["status"]) == (200, "degraded")

    def test_metrics_need_the_token(self, anonymous, settings):
        anonymous.get("/nothing")
        assert b"photogram_request_seconds" in anonymous.get("/metrics").content
        settings.METRICS_TOKEN = "secret"
        assert anonymous.get("/metrics").status_code == 404
        assert anonymous.get("/metrics", HTTP_AUTHORIZATION="Bearer secret").status_code == 200


class TestIdempotencyKeys:
    @pytest.mark.parametrize("key", ["", "x" * 256, "ä", "a\tb"])
    def test_malformed_idempotency_key_is_refused(self, api, alice, key):
        answer = api(alice).post("/media/upload", {}, HTTP_IDEMPOTENCY_KEY=key)
        is_problem(answer, 400, "invalid_idempotency_key")

    @pytest.mark.promise("R4")
    def test_anonymous_idempotency_key_belongs_to_the_address(self, anonymous, settings):
        settings.TRUSTED_PROXIES = 1
        body = {"handle": "alice", "email": "a@example.org", "password": "correct horse battery"}

        def post(address):
            return anonymous.post("/users", body, HTTP_IDEMPOTENCY_KEY="k", HTTP_X_FORWARDED_FOR=address)

        assert [post("203.0.113.1").status_code for _ in range(2)] == [201, 201]
        assert post("203.0.113.2").json()["code"] == "handle_taken"

    @pytest.mark.promise("A9")
    def test_fingerprint_does_not_help_to_guess_a_password(self, anonymous, settings):
        settings.TRUSTED_PROXIES = 1
        body = {"handle": "alice", "email": "a@example.org", "password": "correct horse battery"}

        def fingerprint(address, **changes):
            headers = {"HTTP_IDEMPOTENCY_KEY": "k", "HTTP_X_FORWARDED_FOR": address}
            assert anonymous.post("/users", body | changes, **headers).status_code == 201
            User.objects.all().delete()
            return IdempotencyKey.objects.get(address=address).fingerprint

        first = fingerprint("203.0.113.1")
        assert fingerprint("203.0.113.2", password="another one entirely") == first
        assert fingerprint("203.0.113.3", handle="bob") != first
        settings.SECRET_KEY = "another key of the server"
        assert fingerprint("203.0.113.4") != first

    @pytest.mark.promise("R4")
    def test_key_of_a_replaced_server_key_is_still_recognised(self, api, alice, settings):
        body = {"content_type": "image/jpeg", "bytes": 1000}
        begin = functools.partial(api(alice).post, "/media/upload", HTTP_IDEMPOTENCY_KEY="k")
        first = begin(body)
        settings.SECRET_KEY_FALLBACKS, settings.SECRET_KEY = [settings.SECRET_KEY], "the next key of the server"
        assert begin(body).content == first.content
        is_problem(begin(body | {"bytes": 1001}), 422, "idempotency_key_reused")

    @pytest.mark.promise("R4")
    def test_expired_idempotency_key_is_new(self, api, alice):
        body = {"content_type": "image/jpeg", "bytes": 1000}
        begin = functools.partial(api(alice).post, "/media/upload", body, HTTP_IDEMPOTENCY_KEY="k")
        first = begin()
        IdempotencyKey.objects.update(created_at=timezone.now() - IDEMPOTENCY_KEYS_KEPT)
        second = begin()
        assert (first.status_code, second.status_code) == (201, 201)
        assert first.content != second.content == begin().content


@pytest.mark.promise("I4")
def test_log_event_is_one_line_of_json(capsys):
    import logging.config

    import structlog

    from config.logging import logging_config

    logging_config(log_format="json", level="INFO")
    try:
        structlog.get_logger("test_i4").warning("request", path='x\n{"forged": true}', agent="\u2028\x1b[31m")
        logging.getLogger("test_plain").warning("a\nb")
        structlog.get_logger("test_i4").warning("neither is Unicode nor 64 bits", half="\ud83d", number=2**64)
        lines = capsys.readouterr().err.strip().splitlines()
        assert [json.loads(line)["event"] for line in lines] == ["request", "a\nb", "neither is Unicode nor 64 bits"]
        assert all(line.isascii() for line in lines)
    finally:
        logging_config(log_format="console", level="WARNING")


def test_every_route_has_a_name_in_the_metrics(anonymous):
    assert all("?" not in path for path in routes())
    assert Caller().get("/nothing").status_code == 404


@pytest.mark.parametrize("path", ["/health/live", "/health/ready", "/explore", "/posts/none", "/none"])
def test_responses_are_not_cacheable_by_default(anonymous, path):
    answer = anonymous.get(path)
    assert answer["Cache-Control"] == "private, no-store"
    assert "ETag" not in answer
