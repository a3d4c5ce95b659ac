"""Workers share connections (decision 79)."""

import contextlib
import http.client
import os
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from devstack.ports import free_port
from devstack.process import Server
from tests.waiting import eventually

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.slow


@pytest.fixture
def port(tmp_path: Path) -> Iterator[int]:
    port = free_port()
    environment = {**os.environ, "PORT": str(port), "WEB_CONCURRENCY": "2", "LOG_LEVEL": "WARNING"}
    argv = [sys.executable, "-m", "gunicorn", "tests.journeys.whoami:application", "-c", "config/gunicorn.py"]
    server = Server("whoami", argv, log=tmp_path / "whoami.log", cwd=ROOT, env=environment)
    yield port
    server.stop()


def process_of(connection: http.client.HTTPConnection) -> str:
    connection.request("GET", "/")
    return connection.getresponse().read().decode()


def test_connections_that_come_at_once_are_shared_among_the_workers(port: int) -> None:
    def both_serve() -> bool:
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=10)) as one:
            seen.add(process_of(one))
        return len(seen) == 2

    seen: set[str] = set()
    eventually(both_serve, despite=OSError)
    connections = [http.client.HTTPConnection("127.0.0.1", port, timeout=10) for _ in range(8)]
    for connection in connections:
        connection.connect()
    shares = Counter(process_of(connection) for connection in connections)
    for connection in connections:
        connection.close()
    assert len(shares) == 2
    assert min(shares.values()) >= 2, shares
