"""A trace collector that receives OTLP over HTTP and keeps the spans."""

import contextlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


@dataclass(frozen=True)
class Span:
    service: str
    trace: str
    id: str
    parent: str
    name: str
    attributes: dict[str, str]
    # The whole span as text.
    text: str


class Collector:
    def __init__(self) -> None:
        self._spans: list[Span] = []
        self._lock = threading.Lock()
        self.url = ""

    def take(self, body: bytes) -> None:
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            service = _attributes(resource.resource)["service.name"]
            spans = [
                Span(
                    service,
                    span.trace_id.hex(),
                    span.span_id.hex(),
                    span.parent_span_id.hex(),
                    span.name,
                    _attributes(span),
                    str(span),
                )
                for scope in resource.scope_spans
                for span in scope.spans
            ]
            with self._lock:
                self._spans += spans

    def spans(self) -> list[Span]:
        with self._lock:
            return list(self._spans)


def _attributes(holder: Any) -> dict[str, str]:
    return {
        attribute.key: str(getattr(attribute.value, attribute.value.WhichOneof("value")))
        for attribute in holder.attributes
    }


@contextlib.contextmanager
def collector() -> Iterator[Collector]:
    collecting = Collector()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            collecting.take(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Do not log into the output of the tests."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    collecting.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield collecting
    finally:
        server.shutdown()
        server.server_close()
