"""Slow, malformed and oversized requests to gunicorn behind Caddy, with the Caddyfile of config/deploy (A10)."""

import contextlib
import http.client
import json
import os
import re
import shutil
import socket
import statistics
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from devstack.ports import free_port
from devstack.process import Server
from tests.waiting import eventually

ROOT = Path(__file__).resolve().parents[2]
CADDY = shutil.which("caddy")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("proxy"),
    pytest.mark.skipif(CADDY is None and not os.environ.get("CI"), reason="needs Caddy: apt-get install caddy"),
]

HOST = b"Host: 127.0.0.1\r\n"
GET = b"GET /health/live HTTP/1.1\r\n" + HOST
POST = b"POST /v1/auth/token HTTP/1.1\r\n" + HOST + b"Content-Type: application/json\r\n"
HALF_SENT = {
    "half a request line": POST[:20],
    "half the headers": GET + b"X-Slow: a",
    "half the body": POST + b"Content-Length: 1000\r\n\r\n{",
    "half a chunk": POST + b"Transfer-Encoding: chunked\r\n\r\n400\r\n{",
    "one and a half pipelined requests": GET + b"\r\n" + POST[:20],
    "a length with leading zeros": POST + b"Content-Length: 0000000000000000000100\r\n\r\n{",
    "a length of a gigabyte": POST + b"Content-Length: 1000000000\r\n\r\n{",
    "an answered request": GET + b"Connection: close\r\n\r\n",
}
ATTACKERS = 200
MALFORMED = {
    "two lengths": POST + b"Content-Length: 3\r\nContent-Length: 30\r\n\r\n{}\n",
    "a negative length": POST + b"Content-Length: -1\r\n\r\n",
    "a length of letters": POST + b"Content-Length: ten\r\n\r\n",
    "a length with a sign": POST + b"Content-Length: +2\r\n\r\n{}",
    "a length with an underscore": POST + b"Content-Length: 1_0\r\n\r\n{}",
    "a length of a thousand digits": POST + b"Content-Length: " + b"1" * 1000 + b"\r\n\r\n{}",
    "an unknown transfer coding": POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "a space before the colon": GET + b"X-Thing : x\r\n\r\n",
    "NUL in a header": GET + b"X-Thing: a\0b\r\n\r\n",
    "no version": b"GET /health/live\r\n\r\n",
    "headers of 30 KB": GET + b"X-Thing: " + b"a" * 30_000 + b"\r\n\r\n",
}
OVERSIZED = {
    "a header line of 9 KB": GET + b"X-Thing: " + b"a" * 9000 + b"\r\n\r\n",
    "a request line of 9 KB": b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\n" + HOST + b"\r\n",
    "a hundred headers": GET + b"".join(b"X-%d: x\r\n" % number for number in range(100)) + b"\r\n",
}
Connect = Callable[[], socket.socket]


class Ports(NamedTuple):
    caddy: int
    gunicorn: int


@pytest.fixture(scope="module")
def proxy(servers: Ports) -> int:
    """The port of Caddy."""
    return servers.caddy


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ports]:
    """Caddy in front of gunicorn with the settings of production, two workers with eight threads each."""
    assert CADDY, "Install Caddy: apt-get install caddy"
    folder = tmp_path_factory.mktemp("proxy")
    port, upstream = free_port(), free_port()
    api = {"PORT": str(upstream), "WEB_CONCURRENCY": "2", "WEB_THREADS": "8", "LOG_LEVEL": "WARNING"}
    front = {
        "API_HOST": f"http://127.0.0.1:{port}",
        "MEDIA_HOST": f"http://127.0.0.1:{free_port()}",
        "API_UPSTREAM": f"127.0.0.1:{upstream}",
        "CADDY_ADMIN": f"127.0.0.1:{free_port()}",
        "HOME": str(folder),
    }
    version = subprocess.run([CADDY, "version"], check=True, capture_output=True, text=True).stdout
    if re.match(r"v?2\.6\.", version):
        front["API_BUFFERING"] = "buffer_requests"
    with contextlib.ExitStack() as running:
        for name, argv, environment in (
            ("gunicorn", [sys.executable, "-m", "gunicorn", "config.wsgi", "-c", "config/gunicorn.py"], api),
            ("caddy", [CADDY, "run", "--adapter", "caddyfile", "--config", "config/deploy/Caddyfile"], front),
        ):
            server = Server(name, argv, log=folder / f"{name}.log", cwd=ROOT, env=os.environ | environment)
            running.callback(server.stop)
        eventually(
            lambda: urllib.request.urlopen(f"http://127.0.0.1:{port}/health/live", timeout=5).status == 200,
            despite=OSError,
            otherwise=lambda: "\n".join(log.read_text()[-3000:] for log in folder.glob("*.log")),
        )
        yield Ports(port, upstream)


@pytest.fixture
def connect(proxy: int) -> Iterator[Connect]:
    with contextlib.ExitStack() as opened:
        yield lambda: opened.enter_context(socket.create_connection(("127.0.0.1", proxy), timeout=20))


def response_time(port: int) -> float:
    """The median time of several requests, each on a new connection, in seconds."""
    times = []
    for _ in range(9):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        begun = time.monotonic()
        connection.request("GET", "/health/live")
        assert connection.getresponse().status == 200
        times.append(time.monotonic() - begun)
        connection.close()
    return statistics.median(times)


def everything_from(connection: socket.socket) -> bytes:
    """All bytes until the server closes the connection. Raises TimeoutError if it does not."""
    received = b""
    with contextlib.suppress(ConnectionResetError):
        while part := connection.recv(65536):
            received += part
    return received


@pytest.mark.promise("A10")
@pytest.mark.parametrize("case", HALF_SENT)
def test_half_sent_requests_do_not_slow_down_others(proxy: int, connect: Connect, case: str) -> None:
    before = response_time(proxy)
    for _ in range(ATTACKERS):
        connect().sendall(HALF_SENT[case])
    time.sleep(0.5)
    # Relative to the time before: other processes may keep the machine busy.
    assert response_time(proxy) < before + 0.1


@pytest.mark.promise("A10")
def test_connection_without_complete_headers_is_closed_after_10_s(connect: Connect) -> None:
    connection = connect()
    connection.sendall(HALF_SENT["half the headers"])
    begun = time.monotonic()
    everything_from(connection)
    assert time.monotonic() - begun == pytest.approx(10, abs=5)


@pytest.mark.promise("A10")
@pytest.mark.parametrize("case", MALFORMED)
def test_malformed_request_is_refused_and_the_connection_closed(connect: Connect, case: str) -> None:
    connection = connect()
    connection.sendall(MALFORMED[case] + GET + b"\r\n")
    answer = everything_from(connection)
    # 501 is the status for an unknown transfer coding.
    assert re.match(rb"HTTP/1\.[01] (4\d\d|501) ", answer), answer[:200]
    assert answer.count(b"HTTP/1.") == 1, "the request behind the malformed one was answered"


@pytest.mark.promise("A10")
@pytest.mark.parametrize("case", OVERSIZED)
def test_oversized_headers_are_refused(connect: Connect, case: str) -> None:
    connection = connect()
    connection.sendall(OVERSIZED[case])
    assert re.match(rb"HTTP/1\.1 4\d\d ", connection.recv(65536))


@pytest.mark.promise("A10")
def test_oversized_body_is_refused(connect: Connect) -> None:
    connection = connect()
    with contextlib.suppress(ConnectionError):
        connection.sendall(POST + b"Content-Length: 1000000\r\n\r\n" + b" " * 1_000_000)
    # Caddy 2.6 answers 502.
    assert re.match(rb"HTTP/1\.1 (413|502) ", everything_from(connection))


# {what: (path, body)}; the API reads none of these bodies, or not to the end.
UNREAD = {
    "an unknown path": ("/v1/none", b" " * 200_000),
    "a missing token": ("/v1/posts", b" " * 200_000),
    "not JSON": ("/v1/auth/token", b"x" * 200_000),
    "slightly over the limit": ("/v1/auth/token", b" " * 270_000),
    "far over the limit": ("/v1/auth/token", b" " * 1_000_000),
}


@pytest.mark.promise("A10")
@pytest.mark.parametrize("case", UNREAD)
@pytest.mark.parametrize("server", Ports._fields)
def test_connection_is_usable_after_a_refused_body_or_closed(servers: Ports, server: str, case: str) -> None:
    path, body = UNREAD[case]
    connection = http.client.HTTPConnection("127.0.0.1", getattr(servers, server), timeout=20)
    with contextlib.closing(connection):
        connection.request("POST", path, body, {"Content-Type": "application/json", "Origin": "https://app.example"})
        response = connection.getresponse()
        response.read()
        assert 400 <= response.status < 500 or (server == "caddy" and response.status == 502)
        assert response.headers["Access-Control-Allow-Origin"] == "*"
        if response.headers.get("Connection") == "close":
            assert connection.sock is None
            return
        connection.request("GET", "/health/live")
        assert connection.getresponse().status == 200


@pytest.mark.promise("A10")
@pytest.mark.parametrize("server", Ports._fields)
def test_body_in_chunks_is_read_or_refused(servers: Ports, server: str) -> None:
    """Caddy passes it on with its length, except for old versions. It is never taken for an empty body."""
    connection = http.client.HTTPConnection("127.0.0.1", getattr(servers, server), timeout=20)
    with contextlib.closing(connection):
        body = iter([b'{"login": "nobody", ', b'"password": "x"}'])
        connection.request("POST", "/v1/auth/token", body, {"Content-Type": "application/json"})
        assert json.loads(connection.getresponse().read())["code"] in {"malformed_request", "invalid_credentials"}
