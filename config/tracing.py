"""OpenTelemetry: a request, its SQL, cache and storage, the outbox and its tasks as one trace.

Imported only when OTEL_EXPORTER_OTLP_ENDPOINT is set. The SDK's own variables (OTEL_EXPORTER_OTLP_HEADERS,
OTEL_RESOURCE_ATTRIBUTES and so on) work as they are documented.
"""

import os
from collections.abc import Mapping, Sequence
from typing import Any

import structlog
from celery.signals import after_task_publish, before_task_publish, task_failure, task_postrun, task_prerun
from opentelemetry import context, propagate, trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.instrumentation.botocore import BotocoreInstrumentor
from opentelemetry.instrumentation.django import DjangoInstrumentor
from opentelemetry.instrumentation.psycopg import PsycopgInstrumentor
from opentelemetry.instrumentation.redis import RedisInstrumentor
from opentelemetry.propagators.textmap import TextMapPropagator
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import Event, ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.sampling import Decision, ParentBased, Sampler, SamplingResult, TraceIdRatioBased
from opentelemetry.trace import Link, Span, SpanKind, Status, StatusCode, TraceState
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from opentelemetry.util.types import Attributes

from apps.core.tasks import propagation
from config.redaction import redact_text

_W3C = TraceContextTextMapPropagator()
# Attributes that hold search terms, in the query string.
URLS = {"http.url", "http.target", "url.full"}
# Asked every few seconds by machines; their traces say nothing. A pattern that is looked for anywhere in a whole URL: a
# host or a hashtag may bear the same names.
UNTRACED = r"^https?://[^/]+/(health/|metrics\??$)"
# A collector that is away delays no restart by more.
EXPORT_SECONDS = 3


class Deaf(TextMapPropagator):
    """Clients choose neither the ids of traces nor which are kept: headers of requests are not read, and none are sent
    to storage."""

    def extract(self, carrier: Any, context: Context | None = None, getter: Any = None) -> Context:
        return context or Context()

    def inject(self, carrier: Any, context: Context | None = None, setter: Any = None) -> None:
        pass

    @property
    def fields(self) -> set[str]:
        return set()


class WholeStories(Sampler):
    """Traces begin with a request or a task. A statement by itself (a heartbeat, a poll of the relay) is none."""

    def __init__(self, ratio: float) -> None:
        self._ratio = TraceIdRatioBased(ratio)

    def should_sample(
        self,
        parent_context: Context | None,
        trace_id: int,
        name: str,
        kind: SpanKind | None = None,
        attributes: Attributes = None,
        links: Sequence[Link] | None = None,
        trace_state: TraceState | None = None,
    ) -> SamplingResult:
        if kind in (SpanKind.SERVER, SpanKind.CONSUMER):
            return self._ratio.should_sample(parent_context, trace_id, name, kind, attributes, links, trace_state)
        return SamplingResult(Decision.DROP)

    def get_description(self) -> str:
        return "WholeStories"


class DiscreetExporter(SpanExporter):
    """Leaves out of spans what is left out of logs."""

    def __init__(self, exporter: SpanExporter) -> None:
        self._exporter = exporter

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        return self._exporter.export([_discreet(span) for span in spans])

    def shutdown(self) -> None:
        self._exporter.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        return self._exporter.force_flush(timeout_millis)


def _discreet(span: ReadableSpan) -> ReadableSpan:
    return ReadableSpan(
        name=span.name,
        context=span.context,
        parent=span.parent,
        resource=span.resource,
        attributes=_clean(span.attributes),
        events=[Event(event.name, _clean(event.attributes), event.timestamp) for event in span.events],
        links=span.links,
        kind=span.kind,
        status=Status(span.status.status_code, redact_text(span.status.description or "") or None),
        start_time=span.start_time,
        end_time=span.end_time,
        instrumentation_scope=span.instrumentation_scope,
    )


def _clean(attributes: Mapping[str, Any] | None) -> dict[str, Any]:
    return {
        name: redact_text(value.split("?")[0] if name in URLS else value) if isinstance(value, str) else value
        for name, value in (attributes or {}).items()
        if name != "url.query"
    }


class _Tracing:
    provider: TracerProvider | None = None
    # The spans that are open in this process, by task, with what takes them out of the context again.
    tasks: dict[str, tuple[Span, Any]] = {}
    announcements: dict[str, Span] = {}


def start(process: str) -> None:
    """Once, in the api, in a child of a worker, or in the relay. In processes that are forked later, as gunicorn's are,
    the SDK starts the exporter's thread anew."""
    propagate.set_global_textmap(Deaf())
    ratio = float(os.environ.get("OTEL_TRACES_SAMPLER_ARG") or 1)
    _Tracing.provider = TracerProvider(
        resource=Resource.create({SERVICE_NAME: os.environ.get("OTEL_SERVICE_NAME") or f"photogram-{process}"}),
        sampler=ParentBased(root=WholeStories(ratio)),
    )
    _Tracing.provider.add_span_processor(BatchSpanProcessor(DiscreetExporter(OTLPSpanExporter(timeout=EXPORT_SECONDS))))
    trace.set_tracer_provider(_Tracing.provider)
    propagation.traces_come_from(present)
    if process == "relay":
        before_task_publish.connect(_announcement_begins)
        after_task_publish.connect(_announcement_ends)
        return
    PsycopgInstrumentor().instrument(skip_dep_check=True)
    RedisInstrumentor().instrument(skip_dep_check=True)
    BotocoreInstrumentor().instrument(skip_dep_check=True)  # type: ignore[no-untyped-call]
    if process == "api":
        DjangoInstrumentor().instrument(skip_dep_check=True, excluded_urls=UNTRACED)
    else:
        task_prerun.connect(_task_begins)
        task_failure.connect(_task_fails)
        task_postrun.connect(_task_ends)


def stop() -> None:
    """Send what has been gathered, and no more."""
    if _Tracing.provider:
        _Tracing.provider.shutdown()


def present() -> str:
    """The `traceparent` of the present span; empty without one."""
    carrier: dict[str, str] = {}
    _W3C.inject(carrier)
    return carrier.get("traceparent", "")


def _tracer() -> trace.Tracer:
    return trace.get_tracer("photogram")


def _continued(traceparent: str) -> Context:
    return _W3C.extract({"traceparent": traceparent}, Context())


# ── In the relay: from the row to the broker ─────────────────────────────────────────────────────────────
def _announcement_begins(sender: str, headers: dict[str, Any], **_: Any) -> None:
    """The row's trace goes on with this span, and the task's with it: `headers` are the message's."""
    parent = structlog.contextvars.get_contextvars().get("traceparent")
    if not parent:
        return
    span = _tracer().start_span(
        f"announce {sender}",
        context=_continued(parent),
        kind=SpanKind.PRODUCER,
        attributes={"messaging.operation.name": "announce", "messaging.message.id": headers["id"]},
    )
    _Tracing.announcements[headers["id"]] = span
    with trace.use_span(span, end_on_exit=False):
        headers["traceparent"] = present()


def _announcement_ends(headers: dict[str, Any], **_: Any) -> None:
    if span := _Tracing.announcements.pop(headers["id"], None):
        span.end()


# ── In a worker ──────────────────────────────────────────────────────────────────────────────────────────
def _task_begins(task_id: str, task: Any, **_: Any) -> None:
    span = _tracer().start_span(
        f"task {task.name}",
        context=_continued(propagation.carried_by(task).get("traceparent", "")),
        kind=SpanKind.CONSUMER,
        attributes={"messaging.operation.name": "process", "messaging.message.id": task_id},
    )
    _Tracing.tasks[task_id] = (span, context.attach(trace.set_span_in_context(span)))
    # What follows from the task hangs on it.
    structlog.contextvars.bind_contextvars(traceparent=present())


def _task_fails(task_id: str, exception: BaseException, **_: Any) -> None:
    if task_id in _Tracing.tasks:
        span, _token = _Tracing.tasks[task_id]
        span.record_exception(exception)
        span.set_status(Status(StatusCode.ERROR, type(exception).__name__))


def _task_ends(task_id: str, **_: Any) -> None:
    if task_id in _Tracing.tasks:
        span, token = _Tracing.tasks.pop(task_id)
        context.detach(token)
        span.end()
