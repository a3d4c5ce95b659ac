"""What processes show of themselves: two workers of a real gunicorn as one sum, whoever dies; a port for the others."""

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from apps.core.ops import prometheus
from devstack.ports import free_port
from devstack.process import children, die_with_parent
from tests.waiting import eventually

ROOT = Path(__file__).resolve().parents[2]


@dataclass
class Server:
    url: str
    process: "subprocess.Popen[bytes]"
    folder: Path
    log: Path

    def get(self, path: str) -> str:
        with urllib.request.urlopen(self.url + path, timeout=30) as answer:
            return answer.read().decode()

    def live_requests(self) -> float:
        """How often /health/live was answered, as /metrics has it."""
        return sum(
            sample.value
            for family in text_string_to_metric_families(self.get("/metrics"))
            for sample in family.samples
            if sample.name == "photogram_request_seconds_count" and sample.labels["route"] == "health/live"
        )

    def workers(self) -> list[int]:
        return children(self.process.pid)

    def files(self) -> set[str]:
        return {file.name for file in self.folder.glob("photogram-metrics-*/*.db") if "worker" in file.name}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    port = free_port()
    log = tmp_path / "log"
    environment = os.environ | {
        "PHOTOGRAM_ENV": "development",
        "PORT": str(port),
        "WEB_CONCURRENCY": "2",
        "WEB_THREADS": "1",
        "LOG_FORMAT": "json",
        "LOG_LEVEL": "INFO",
        "TMPDIR": str(tmp_path),
    }
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "gunicorn", "config.wsgi", "-c", "config/gunicorn.py"],
            cwd=ROOT,
            env=environment,
            stdout=output,
            stderr=output,
            preexec_fn=die_with_parent(),
        )
    server = Server(f"http://127.0.0.1:{port}", process, tmp_path, log)
    try:
        until(lambda: server.get("/health/live") and len(server.files()) >= 4, server)
        yield server
    finally:
        process.terminate()
        process.wait(60)


def until(happened: Callable[[], object], server: Server) -> None:
    eventually(happened, despite=OSError, otherwise=lambda: server.log.read_text()[-3000:])


@pytest.mark.slow
def test_metrics_of_two_workers_add_up_and_survive_restarts(server):
    before = server.live_requests()
    for _ in range(30):
        server.get("/health/live")
    assert server.live_requests() == before + 30
    files = server.files()
    victim, *_ = server.workers()
    os.kill(victim, signal.SIGKILL)
    until(lambda: len(server.workers()) == 2 and victim not in server.workers(), server)
    for _ in range(10):
        server.get("/health/live")
    assert server.live_requests() == before + 40
    assert server.files() == files

    server.process.terminate()
    server.process.wait(60)
    assert not list(server.folder.glob("photogram-metrics-*"))
    lines = [json.loads(line) for line in server.log.read_text().splitlines()]
    assert {"gunicorn.error", "photogram.request"} <= {line["logger"] for line in lines}
    assert any("SIGKILL" in line["event"] for line in lines)


def test_worker_serves_metrics_on_its_port_and_children_close_it(monkeypatch):
    port = free_port()
    monkeypatch.setattr(prometheus._Process, "server", None)
    monkeypatch.setattr(prometheus._Process, "slot", "")
    monkeypatch.setenv("METRICS_PORT", str(port))
    prometheus.serve_metrics()
    server = prometheus._Process.server
    try:
        told = urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=30).read()
        assert b"photogram_task_total" in told
        prometheus.take_slot("child0")
        assert server.socket.fileno() == -1
    finally:
        server.shutdown()


def test_used_metrics_port_does_not_stop_the_process(monkeypatch, json_log):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        monkeypatch.setenv("METRICS_PORT", str(taken.getsockname()[1]))
        prometheus.serve_metrics()
    (line,) = json_log()
    assert (line["event"], line["level"]) == ("metrics_port_unavailable", "error")


def test_metrics_server_is_disabled_without_a_port(monkeypatch):
    monkeypatch.delenv("METRICS_PORT", raising=False)
    monkeypatch.setattr(prometheus._Process, "server", None)
    prometheus.serve_metrics()
    assert prometheus._Process.server is None
