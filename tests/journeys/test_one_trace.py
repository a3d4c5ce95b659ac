"""Trace, logs and metrics of an upload, as a monitoring system sees them."""

import io
import json
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
import requests
from PIL import Image

from tests.waiting import eventually

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("live")]

PROCESS = "apps.media.tasks.process_upload"


@dataclass(frozen=True)
class Upload:
    """`request_id` is that of the request that enqueued the processing."""

    request_id: str
    access: str
    url: str


@pytest.fixture(scope="module")
def upload(live_stack: Any) -> Callable[[bytes, str], Upload]:
    """`upload(photo, status)`: upload a photo and wait until it has the status."""
    url = f"{live_stack.url}/v1"
    account = {"handle": "tracy", "email": "tracy@example.org", "password": "a better battery staple"}
    assert requests.post(f"{url}/users", json=account, timeout=10).status_code == 201
    signed_in = {"login": "tracy", "password": account["password"]}
    access = requests.post(f"{url}/auth/token", json=signed_in, timeout=10).json()["access"]
    headers = {"Authorization": f"Bearer {access}"}

    def run(photo: bytes, status: str) -> Upload:
        body = {"content_type": "image/jpeg", "bytes": len(photo)}
        promised = requests.post(f"{url}/media/upload", json=body, headers=headers, timeout=10).json()
        put = promised["upload"]
        assert requests.put(put["url"], data=photo, headers=put["headers"], timeout=10).status_code == 200
        completed = requests.post(f"{url}/media/upload/{promised['id']}/complete", headers=headers, timeout=10)
        assert completed.status_code == 202
        medium = f"{url}/media/{promised['media_id']}"
        eventually(lambda: requests.get(medium, headers=headers, timeout=10).json()["status"] == status)
        return Upload(completed.headers["X-Request-ID"], access, put["url"])

    return run


@pytest.fixture(scope="module")
def ready(upload: Any) -> Upload:
    file = io.BytesIO()
    Image.linear_gradient("L").resize((640, 480)).convert("RGB").save(file, "JPEG")
    return upload(file.getvalue(), "ready")


def lines(stack: Any, process: str) -> list[dict[str, Any]]:
    """The JSON lines of the log. It also contains mails, which are printed in development."""
    written = (stack.logs / f"{process}.log").read_text().splitlines()
    return [json.loads(line) for line in written if line.startswith("{")]


def test_request_and_its_task_are_in_one_trace(live_stack, ready):
    def story():
        """The spans of the trace that contains the processing task, once the task has ended."""
        spans = live_stack.traces.spans()
        tasks = [span for span in spans if span.name == f"task {PROCESS}"]
        return [span for span in spans if span.trace == tasks[0].trace] if tasks else []

    spans = eventually(lambda: [span for span in story() if "complete" in span.name] and story())
    by_id = {span.id: span for span in spans}

    def is_under(span, service, name):
        while span.parent in by_id:
            span = by_id[span.parent]
            if span.service == service and name in span.name:
                return True
        return False

    (request,) = (span for span in spans if not span.parent)
    assert request.service == "photogram-api"
    assert request.name.startswith("POST")
    in_request = {span.name.split()[0] for span in spans if is_under(span, "photogram-api", "complete")}
    assert {"SELECT", "INSERT"} <= in_request, "SQL, and with it the row of the outbox"
    assert "EVAL" in in_request, "the cache"
    assert any(name.startswith("S3.") for name in in_request), "storage"
    (task,) = (span for span in spans if span.name == f"task {PROCESS}")
    assert (by_id[task.parent].service, by_id[task.parent].name) == ("photogram-relay", f"announce {PROCESS}")
    assert is_under(task, "photogram-api", "complete"), "the outbox"
    in_task = {span.name.split()[0] for span in spans if is_under(span, "photogram-worker", PROCESS)}
    assert "UPDATE" in in_task
    assert any(name.startswith("S3.") for name in in_task)


@pytest.mark.promise("O4")
def test_spans_contain_no_secret(live_stack, ready):
    eventually(lambda: [span for span in live_stack.traces.spans() if span.name == f"task {PROCESS}"])
    text = "".join(span.text for span in live_stack.traces.spans())
    signature = ready.url.split("X-Amz-Signature=")[1][:64]
    for secret in (ready.access, signature, "tracy@example.org", "battery staple"):
        assert secret not in text


def test_polls_heartbeats_and_health_checks_start_no_trace(live_stack, ready):
    requests.get(f"{live_stack.url}/health/ready", timeout=10)
    time.sleep(0.5)
    roots = {span.name for span in live_stack.traces.spans() if not span.parent}
    assert roots
    assert all(name.startswith(("GET", "POST", "PUT", "PATCH", "DELETE", "task ")) for name in roots), roots
    assert not [name for name in roots if "health" in name]


def test_log_line_of_a_task_names_task_and_request(live_stack, upload):
    request_id = upload(b"\xff\xd8\xff no picture", "failed").request_id
    (request,) = [
        line for line in lines(live_stack, "api") if line.get("request_id") == request_id and line["event"] == "request"
    ]
    assert request["route"].endswith("/complete")
    caused = [line for line in lines(live_stack, "worker") if line.get("request_id") == request_id]
    assert "media_failed" in {line["event"] for line in caused}
    assert "success" in {line["outcome"] for line in caused if line["event"] == "task"}
    for line in caused:
        assert line["task"].startswith("apps.")
        assert line["task_id"]


def test_worker_exposes_the_sum_of_its_children_as_metrics(live_stack, ready):
    metrics = requests.get(live_stack.worker_metrics_url, timeout=10).text
    counted = re.search(r'^photogram_media_total\{outcome="ready"\} (\S+)$', metrics, re.MULTILINE)
    assert counted
    assert float(counted[1]) >= 1
