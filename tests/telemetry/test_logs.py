"""What a log line says, what it never says, and how many there are."""

import json
import logging

import pytest
import structlog
from celery.utils.log import get_logger
from django.db import IntegrityError, transaction
from prometheus_client import REGISTRY

from apps.accounts.models import User
from config.logging import LogRateLimiter, logging_config
from config.redaction import MAX_TEXT_LENGTH, redact, redact_text

log = structlog.get_logger("tests.logs")
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl"
REFRESH = "019ab8a4-6c1e-7d3f-9a51-3f5c0e7b2d10.3.q1w2e3r4t5y6u7i8o9p0"
SIGNED = "https://s3.example.org/photogram/a.jpg?X-Amz-Credential=AKIA%2Fx&X-Amz-Signature=deadbeef"
PASSWORD = "correct horse battery"


@pytest.mark.promise("O4")
@pytest.mark.parametrize(
    ("text", "told"),
    [
        (f"GET {SIGNED} failed", "GET https://s3.example.org/photogram/a.jpg?[redacted] failed"),
        ("X-Amz-Signature=deadbeef is wrong", "X-Amz-Signature=[redacted] is wrong"),
        ("https://app.example.org/reset?token=abc123", "https://app.example.org/reset?[redacted]"),
        ("Authorization: Bearer abc.def", "Authorization: Bearer [redacted]"),
        (f"token {JWT} refused", "token [redacted] refused"),
        (f"presented {REFRESH}", "presented [redacted]"),
        ("mail to alice.l+x@example.org bounced", "mail to [email] bounced"),
        ("mail to älice@exämple.org bounced", "mail to [email] bounced"),
        ("{'password': 'hunter2 and more', 'n': 1}", "{'password': [redacted], 'n': 1}"),
        ("connection failed: password=hunter2 host=db", "connection failed: password=[redacted] host=db"),
        ("redis://default:hunter2@cache:6379/0", "redis://[redacted]@cache:6379/0"),
        ("Key (email)=(a b@c) already exists.", "Key (email)=([redacted]) already exists."),
        (
            "violates check\nDETAIL:  Failing row contains (1, my caption, x).",
            "violates check\nDETAIL:  Failing row contains ([redacted])",
        ),
        ("refused 203.0.113.77 again", "refused 203.0.113.0/24 again"),
        ("refused 2001:db8:1:2::77", "refused 2001:db8:1::/48"),
        ("from ::ffff:203.0.113.77", "from 203.0.113.0/24"),
        # A word alone, which is most of what is logged, is looked at as well.
        ("password:hunter2", "password:[redacted]"),
        ("<token:hunter2>", "<token:[redacted]"),
        ("203.0.113.77", "203.0.113.0/24"),
        ("2001:db8:1:2::77", "2001:db8:1::/48"),
        (JWT, "[redacted]"),
        (REFRESH, "[redacted]"),
        # What is none of it stays.
        ("connection to 127.0.0.1:5432 refused", "connection to 127.0.0.1:5432 refused"),
        ("at 12:30:45, worker celery@box.example.org", "at 12:30:45, worker celery@box.example.org"),
        ("route v1/posts/<uuid:pk>?limit=5", "route v1/posts/<uuid:pk>?limit=5"),
        ("apps.media.tasks.enqueue_due_media, version 1.2.3", "apps.media.tasks.enqueue_due_media, version 1.2.3"),
        ("v1/users/<str:user>", "v1/users/<str:user>"),
        ("photogram.request", "photogram.request"),
        ("2026-11-28T01:43:33.954946Z", "2026-11-28T01:43:33.954946Z"),
    ],
)
def test_texts_are_logged_without_secrets_and_personal_data(text, told):
    assert redact_text(text) == told


@pytest.mark.promise("O4")
def test_full_addresses_are_logged_if_enabled():
    assert redact_text("refused 203.0.113.77", full_addresses=True) == "refused 203.0.113.77"


@pytest.mark.promise("O4")
def test_values_are_redacted_by_name_at_any_depth():
    event = {
        "event": "x",
        "new_password": "hunter2",
        "body": {"email": "alice", "caption": "at the lake", "items": [{"refresh_token": "t", "n": 1}]},
        "Set-Cookie": ["session=1"],
        "tokens": 3,
    }
    assert redact(event) == {
        "event": "x",
        "new_password": "[redacted]",
        "body": {"email": "[redacted]", "caption": "[redacted]", "items": [{"refresh_token": "[redacted]", "n": 1}]},
        "Set-Cookie": "[redacted]",
        "tokens": 3,
    }


@pytest.mark.promise("O4")
@pytest.mark.parametrize("log_format", ["json", "console"])
def test_traceback_contains_no_variables_and_no_secret(capsys, log_format):
    logging_config(log_format=log_format, level="INFO")
    try:
        sign_in_and_fail(PASSWORD)
    except ValueError as error:
        log.error("unhandled_exception", exc_info=error)
    finally:
        logging_config(log_format="console", level="WARNING")
    told = capsys.readouterr().err
    assert "sign_in_and_fail" in told
    assert "ValueError" in told
    assert "horse" not in told
    assert "alice@example.org" not in told


def sign_in_and_fail(password):
    raise ValueError(f"no such account: alice@example.org, password={password!r}")


@pytest.mark.promise("O4")
@pytest.mark.django_db
def test_database_error_contains_no_row_values(json_log, alice):
    """PostgreSQL puts the whole row into the message when a constraint refuses it."""
    with pytest.raises(IntegrityError) as refused, transaction.atomic():
        User.objects.create(handle=alice.handle, email="secret-alice@example.org", password="hashed-hunter2")
    log.error("unhandled_exception", exc_info=refused.value)
    told = json.dumps(json_log())
    assert "IntegrityError" in told
    assert "secret-alice" not in told
    assert "hunter2" not in told


@pytest.mark.promise("O4")
@pytest.mark.django_db
def test_requests_with_secrets_leave_none_in_the_log(json_log, anonymous, alice, monkeypatch):
    """Also when they fail in a way that nobody foresaw."""

    def fail(*args, **kwargs):
        raise RuntimeError(f"cannot: {args} {kwargs}")

    body = {"handle": "newcomer", "email": "newcomer@example.org", "password": PASSWORD}
    anonymous.post("/users", body)
    anonymous.post("/auth/token", {"login": "alice@example.org", "password": PASSWORD})
    anonymous.post("/auth/token/refresh", {"refresh_token": REFRESH})
    anonymous.get("/auth/me", HTTP_AUTHORIZATION=f"Bearer {JWT}")
    anonymous.get("/search/people?q=secret-query", REMOTE_ADDR="203.0.113.77")
    monkeypatch.setattr("apps.accounts.services.sign_up", fail)
    monkeypatch.setattr("apps.accounts.services.complete_sign_in", fail)
    anonymous.post("/users", body)
    anonymous.post("/auth/token", {"login": "newcomer@example.org", "password": PASSWORD})
    scraped = anonymous.get("/metrics").content.decode()
    lines = json_log()
    assert [line["status"] for line in lines if line["event"] == "request"].count(500) >= 1
    told = json.dumps(lines)
    for secret in ("horse", "@example.org", REFRESH, JWT, "secret-query", "203.0.113.77"):
        assert secret not in told
        assert secret not in scraped


@pytest.mark.promise("O4")
@pytest.mark.django_db
def test_request_line_contains_user_route_and_cost(json_log, api, alice):
    answer = api(alice).get("/auth/me", HTTP_X_REQUEST_ID="r-1")
    (line,) = [line for line in json_log() if line["event"] == "request"]
    assert (line["request_id"], line["user_id"], line["status"]) == ("r-1", str(alice.pk), answer.status_code)
    assert (line["method"], line["route"]) == ("GET", "v1/auth/me")
    assert line["queries"] >= 1
    assert line["duration_ms"] >= line["database_ms"] > 0
    assert line["cache_ms"] > 0


# ── How many ─────────────────────────────────────────────────────────────────────────────────────────────
def suppressed() -> float:
    return REGISTRY.get_sample_value("photogram_log_lines_suppressed_total") or 0.0


@pytest.fixture
def clock(monkeypatch):
    """The limiter's; it stands still until `clock.now` is set."""

    class Clock:
        now = 1_000.0

    monkeypatch.setattr("config.logging.monotonic", lambda: Clock.now)
    return Clock


@pytest.mark.promise("A8")
def test_repeated_errors_are_rate_limited(clock, json_log):
    before = suppressed()
    for number in range(3_000):
        log.error("database_unavailable", number=number)
    *said, note = json_log()
    assert [line["number"] for line in said] == list(range(20))
    assert (note["event"], note["of"]) == ("log_lines_suppressed", "database_unavailable")
    assert suppressed() - before == 2_980


@pytest.mark.promise("A8")
def test_lasting_flood_is_logged_once_a_second_with_a_count(clock, json_log):
    for second in range(5):
        clock.now = 1_000.0 + second
        for _ in range(100):
            log.error("database_unavailable")
    lines = json_log()
    assert len(lines) == 20 + 1 + 4
    assert [line["left_out"] for line in lines if "left_out" in line] == [80, 99, 99, 99]


@pytest.mark.promise("A8")
def test_flood_of_different_errors_is_limited(clock, json_log):
    for number in range(3_000):
        logging.getLogger("library").error(f"failed at {number}")
    *said, note = json_log()
    assert len(said) == 200
    assert "log_lines_suppressed" in note["event"]


@pytest.mark.promise("A8")
def test_one_error_does_not_suppress_another(clock, json_log):
    for _ in range(100):
        log.error("database_unavailable")
    log.error("something_else")
    assert json_log()[-1]["event"] == "something_else"


@pytest.mark.promise("A8")
def test_request_lines_are_never_suppressed(json_log):
    for _ in range(1_000):
        log.info("request")
    assert len(json_log()) == 1_000


@pytest.mark.promise("A8")
def test_rate_limiter_tracks_a_limited_number_of_errors():
    limiter = LogRateLimiter()
    for number in range(2 * LogRateLimiter.MAX_KINDS):
        limiter.admit(logging.LogRecord("x", logging.ERROR, "", 0, f"kind {number}", (), None))
    assert len(limiter._kinds) == LogRateLimiter.MAX_KINDS


@pytest.mark.promise("A8")
def test_length_of_a_line_is_limited(json_log):
    def dive(depth):
        return dive(depth + 1)

    try:
        dive(0)
    except RecursionError as error:
        log.error("unhandled_exception", exc_info=error, ids=list(range(100_000)), text="x" * 1_000_000)
    (line,) = json_log()
    assert len(json.dumps(line)) < 4 * MAX_TEXT_LENGTH


# ── Others' lines ────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.promise("I4")
def test_lines_of_gunicorn_and_celery_are_json(json_log):
    logging.getLogger("gunicorn.error").warning("Worker (pid:%s) was sent SIGKILL!\nforged", 7)
    logging.getLogger("celery.worker").warning("hard time limit for %s\nforged", "x")
    assert [(line["logger"], line["level"], line["event"]) for line in json_log()] == [
        ("gunicorn.error", "warning", "Worker (pid:7) was sent SIGKILL!\nforged"),
        ("celery.worker", "warning", "hard time limit for x\nforged"),
    ]


@pytest.mark.parametrize(("level", "told"), [("INFO", ["warning", "error"]), ("ERROR", ["error"])])
def test_celery_and_libraries_respect_the_log_level(capsys, level, told):
    logging_config(log_format="json", level=level)
    try:
        for name in ("celery.worker.consumer", "celery.beat", "django_celery_beat.schedulers", "botocore"):
            library = get_logger(name) if "celery" in name else logging.getLogger(name)
            library.info("step")
            library.warning("odd")
            library.error("wrong")
            lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
            assert [line["level"] for line in lines] == told, name
    finally:
        logging_config(log_format="console", level="WARNING")


class TestTheTerminal:
    """What a developer sees: the console format."""

    REQUEST = {
        "method": "GET", "route": "v1/feed", "status": 200, "duration_ms": 12.4, "database_ms": 3.1, "queries": 1,
        "cache_ms": 0.5, "user_id": None, "request_id": "01a22955",
    }  # fmt: skip

    @pytest.mark.parametrize(
        ("changes", "line"),
        [
            ({}, "GET /v1/feed 200 12 ms, db 3 ms/1"),
            ({"status": 503}, "GET /v1/feed 503 12 ms, db 3 ms/1, request 01a22955"),
            ({"route": "health/ready"}, None),
            ({"route": "health/ready", "status": 503}, "GET /health/ready 503 12 ms, db 3 ms/1, request 01a22955"),
            ({"route": "health/live", "duration_ms": 2000.0}, "GET /health/live 200 2000 ms, db 3 ms/1"),
            ({"route": "metrics"}, None),
            ({"route": "unrouted"}, None),
            ({"route": "unrouted", "status": 404}, "GET unrouted 404 12 ms, db 3 ms/1"),
        ],
    )
    def test_request_is_one_short_line_and_frequent_ones_are_hidden(self, console_log, changes, line):
        structlog.get_logger("photogram.request").info("request", **self.REQUEST | changes)
        assert console_log() == ([line] if line else [])

    def test_other_events_name_level_and_values(self, console_log):
        log.info("job_done", fixed=3, part=None)
        log.warning("relay_without_database", error="no route")
        logging.getLogger("gunicorn.error").info("Listening at: http://127.0.0.1:8000")
        assert console_log() == [
            "job_done fixed=3",
            "warning: relay_without_database error='no route'",
            "Listening at: http://127.0.0.1:8000",
        ]

    def test_production_logs_probes(self, json_log):
        structlog.get_logger("photogram.request").info("request", **self.REQUEST | {"route": "health/ready"})
        assert [line["route"] for line in json_log()] == ["health/ready"]
