"""What is reported to Sentry, and what never is."""

import json
import logging
import sys
from typing import Any

import pytest
import sentry_sdk
import structlog
from sentry_sdk.transport import Transport

from config import sentry
from config.celery import app
from config.logging import logging_config

# Not where an error may happen: reports show the lines around it.
PASSWORD = "correct horse battery"
EMAIL = "newcomer@example.org"
TOKEN = "q1w2e3r4t5y6"
CAPTION = "at the lake with nobody"


class Kept(Transport):
    """Takes reports and sends none."""

    def __init__(self) -> None:
        super().__init__()
        self.events: list[dict[str, Any]] = []

    def capture_envelope(self, envelope: Any) -> None:
        self.events += [item.payload.json for item in envelope.items if item.type == "event"]


@pytest.fixture
def reported(monkeypatch):
    """Reports on, as with SENTRY_DSN; the events so far."""
    monkeypatch.setenv("SENTRY_DSN", "https://key@sentry.example/1")
    transport = Kept()
    sentry.start("api", transport=transport)
    logging_config(log_format="json", level="INFO", sentry=True)
    yield transport.events
    logging_config(log_format="console", level="WARNING")
    sentry_sdk.init(dsn="", default_integrations=False, auto_enabling_integrations=False)


@pytest.mark.promise("O4")
@pytest.mark.django_db
def test_report_contains_the_request_id_and_no_request_data(reported, api, alice, monkeypatch):
    def fail(*args, **kwargs):
        raise RuntimeError(f"cannot sign up {EMAIL} with password={PASSWORD!r}")

    monkeypatch.setattr("apps.accounts.services.sign_up", fail)
    body = {"handle": "newcomer", "email": EMAIL, "password": PASSWORD}
    assert api(alice).post("/users", body, HTTP_X_REQUEST_ID="r-77").status_code == 500
    (event,) = reported
    assert event["exception"]["values"][-1]["type"] == "RuntimeError"
    assert event["tags"]["request_id"] == "r-77"
    assert event["contexts"]["log"]["event"] == "unhandled_exception"
    told = json.dumps(event)
    for secret in (PASSWORD, EMAIL, str(alice.pk)):
        assert secret not in told


@pytest.mark.promise("O4")
def test_only_the_method_of_a_request_is_reported(reported):
    request = {
        "method": "POST",
        "url": f"https://photogram.example/v1/users?token={TOKEN}",
        "query_string": f"token={TOKEN}",
        "data": {"password": PASSWORD},
        "cookies": {"sessionid": TOKEN},
        "headers": {"Authorization": f"Bearer {TOKEN}", "X-Forwarded-For": "203.0.113.77"},
        "env": {"REMOTE_ADDR": "203.0.113.77"},
    }
    person = {"id": "1", "email": EMAIL, "ip_address": "203.0.113.77"}
    sentry_sdk.capture_event({"message": "x", "request": request, "user": person, "extra": {"caption": CAPTION}})
    (event,) = reported
    assert event["request"] == {"method": "POST"}
    told = json.dumps(event)
    for secret in (TOKEN, PASSWORD, EMAIL, CAPTION, "203.0.113.77"):
        assert secret not in told


@pytest.mark.promise("O4")
def test_report_contains_no_variables_captions_or_signed_urls(reported):
    def develop(caption, url):
        raise ValueError(f"no picture at {url}")

    try:
        develop(CAPTION, f"https://s3.example.org/b/k?X-Amz-Signature={TOKEN}")
    except ValueError as error:
        structlog.get_logger("x").error("failed", exc_info=error, caption=CAPTION, reason=EMAIL)
    (event,) = reported
    told = json.dumps(event)
    assert "https://s3.example.org/b/k" in told
    assert "develop" in told
    for secret in (TOKEN, CAPTION, EMAIL):
        assert secret not in told


def test_errors_are_reported_and_warnings_are_not(reported):
    structlog.get_logger("x").warning("dependency_down")
    structlog.get_logger("x").error("delivery_failed", delivery_id="1")
    logging.getLogger("gunicorn.error").error("Worker (pid:%s) was sent SIGKILL!", 7)
    assert [event["message"] for event in reported] == ["delivery_failed", "Worker (pid:7) was sent SIGKILL!"]


@pytest.mark.promise("A8")
def test_repeated_errors_are_reported_once(reported):
    for _ in range(500):
        structlog.get_logger("x").error("database_unavailable")
    assert len(reported) < 40


def test_error_of_a_task_is_reported_once(reported):
    @app.task(name="tests.reports.poison", shared=False)
    def poison(**_):
        try:
            raise ZeroDivisionError("poison")
        except ZeroDivisionError as error:
            structlog.get_logger("x").error("task_given_up", task="tests.reports.poison", exc_info=error)
            raise

    try:
        poison.apply()
    finally:
        app.tasks.pop("tests.reports.poison")
    assert [event["exception"]["values"][-1]["type"] for event in reported] == ["ZeroDivisionError"]


def test_sentry_is_not_loaded_without_a_dsn(monkeypatch):
    monkeypatch.delenv("SENTRY_DSN", raising=False)
    monkeypatch.delitem(sys.modules, "config.sentry")
    from config import telemetry

    telemetry.start("api")
    logging_config(log_format="console", level="WARNING")
    assert "config.sentry" not in sys.modules
