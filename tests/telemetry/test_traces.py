"""Traces: what they cost when nobody wants them, what they leave out, how the outbox carries them."""

import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest
import structlog
from django.test import RequestFactory
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import Decision
from opentelemetry.trace import SpanKind
from opentelemetry.util.http import parse_excluded_urls

from apps.core.tasks import propagation
from config import tracing

ROOT = Path(__file__).resolve().parents[2]
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = f"00-{TRACE}-00f067aa0ba902b7-01"


@pytest.fixture
def exported(monkeypatch):
    """Spans as they would be sent; call it for those so far."""
    kept = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(tracing.DiscreetExporter(kept)))
    monkeypatch.setattr(tracing, "_tracer", lambda: provider.get_tracer("test"))
    structlog.contextvars.clear_contextvars()
    yield kept.get_finished_spans
    structlog.contextvars.clear_contextvars()


@pytest.mark.slow
def test_opentelemetry_is_not_loaded_without_an_endpoint():
    program = "import sys, config.wsgi; print([m for m in sys.modules if m.startswith(('opentelemetry', 'config.'))])"
    loaded = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
    ).stdout
    assert "config.wsgi" in loaded
    # redis-py loads the SDK's metrics by itself, where they are installed.
    for name in ("opentelemetry.instrumentation", "opentelemetry.exporter", "config.tracing", "config.sentry"):
        assert name not in loaded


@pytest.mark.parametrize(
    ("kind", "ratio", "decision"),
    [
        (SpanKind.SERVER, 1.0, Decision.RECORD_AND_SAMPLE),
        (SpanKind.CONSUMER, 1.0, Decision.RECORD_AND_SAMPLE),
        (SpanKind.SERVER, 0.0, Decision.DROP),
        (SpanKind.CLIENT, 1.0, Decision.DROP),
        (SpanKind.INTERNAL, 1.0, Decision.DROP),
    ],
)
def test_traces_begin_with_requests_and_tasks_only(kind, ratio, decision):
    assert tracing.WholeStories(ratio).should_sample(None, 1, "x", kind).decision == decision


@pytest.mark.parametrize(
    ("host", "path", "traced"),
    [
        ("photogram.example", "/health/live", False),
        ("photogram.example:8000", "/health/ready?x=1", False),
        ("photogram.example", "/metrics", False),
        ("photogram.example", "/metrics?name[]=up", False),
        ("photogram.example", "/v1/tags/health/posts", True),
        ("photogram.example", "/v1/tags/metrics/posts", True),
        ("metrics.photogram.example", "/v1/feed", True),
    ],
)
def test_health_checks_and_scrapes_make_no_trace(settings, host, path, traced):
    # As the instrumentation asks.
    settings.ALLOWED_HOSTS = ["*"]
    request = RequestFactory().get(path, headers={"Host": host})
    assert parse_excluded_urls(tracing.UNTRACED).url_disabled(request.build_absolute_uri("?")) is not traced


@pytest.mark.promise("O4")
def test_spans_are_redacted_like_logs(exported):
    with suppress(ValueError), tracing._tracer().start_as_current_span("x") as span:
        span.set_attribute("url.full", "https://s3.example.org/k?X-Amz-Signature=deadbeef")
        span.set_attribute("http.target", "/v1/search/people?q=secret-query")
        span.set_attribute("url.query", "q=secret-query")
        span.set_attribute("client.address", "203.0.113.77")
        span.set_attribute("http.status_code", 500)
        raise ValueError("Key (email)=(alice@example.org) already exists.")
    (sent,) = exported()
    told = sent.to_json()
    assert "https://s3.example.org/k" in told
    assert sent.attributes["http.status_code"] == 500
    assert sent.attributes["http.target"] == "/v1/search/people"
    for secret in ("deadbeef", "203.0.113.77", "alice", "secret-query"):
        assert secret not in told


def test_announcement_is_a_span_between_request_and_task(exported):
    structlog.contextvars.bind_contextvars(request_id="r-1", traceparent=PARENT)
    headers = {"id": "1"}
    propagation.add_headers(headers)
    tracing._announcement_begins("apps.media.tasks.process_upload", headers)
    tracing._announcement_ends(headers)
    (span,) = exported()
    assert span.name == "announce apps.media.tasks.process_upload"
    assert f"{span.parent.span_id:016x}" == "00f067aa0ba902b7"
    assert headers["traceparent"] == f"00-{TRACE}-{span.context.span_id:016x}-01"
    assert headers["request_id"] == "r-1"


def test_task_enqueued_without_a_trace_is_announced_without_one(exported):
    headers = {"id": "1"}
    tracing._announcement_begins("apps.media.tasks.process_upload", headers)
    tracing._announcement_ends(headers)
    assert headers == {"id": "1"}
    assert exported() == ()


class FakeTask:
    """What Celery hands to the signals: `request` holds the headers of the message."""

    name = "apps.media.tasks.process_upload"

    class request(dict):  # as Celery's
        is_eager = False

    def __init__(self, **headers):
        self.request = FakeTask.request(headers)


def test_task_continues_the_trace_and_passes_it_on(exported):
    task = FakeTask(request_id="r-1", traceparent=PARENT)
    propagation.begin_task("1", task)
    tracing._task_begins("1", task)
    bound = structlog.contextvars.get_contextvars()
    assert (bound["request_id"], bound["task_id"], bound["task"]) == ("r-1", "1", task.name)
    tracing._task_fails("1", ZeroDivisionError("poison"))
    tracing._task_ends("1")
    propagation.end_task(task)
    (span,) = exported()
    assert f"{span.context.trace_id:032x}" == TRACE
    assert bound["traceparent"] == f"00-{TRACE}-{span.context.span_id:016x}-01"
    assert span.status.description == "ZeroDivisionError"
    assert structlog.contextvars.get_contextvars() == {}


def test_scheduled_task_begins_a_trace(exported):
    task = FakeTask()
    tracing._task_begins("1", task)
    tracing._task_ends("1")
    (span,) = exported()
    assert span.parent is None


def test_log_context_of_a_request_is_not_kept_for_the_next():
    structlog.contextvars.bind_contextvars(request_id="r-1", traceparent=PARENT, task="x")
    propagation.begin(request_id="r-2")
    assert structlog.contextvars.get_contextvars() == {"request_id": "r-2"}
    structlog.contextvars.clear_contextvars()
