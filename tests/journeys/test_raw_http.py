"""Malformed, oversized and slow HTTP against the real server, spoken byte by byte."""

import contextlib
import http.client
import socket
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("live")]

HOST = b"Host: 127.0.0.1\r\n"
MALFORMED = {
    "two lengths": b"POST /v1/users HTTP/1.1\r\n" + HOST + b"Content-Length: 3\r\nContent-Length: 30\r\n\r\n{}\n",
    "length and chunks": b"POST /v1/users HTTP/1.1\r\n"
    + HOST
    + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "negative length": b"POST /v1/users HTTP/1.1\r\n" + HOST + b"Content-Length: -1\r\n\r\n",
    "length of letters": b"POST /v1/users HTTP/1.1\r\n" + HOST + b"Content-Length: ten\r\n\r\n",
    "unknown transfer coding": b"POST /v1/users HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "space before the colon": b"GET /health/live HTTP/1.1\r\n" + HOST + b"X-Thing : x\r\n\r\n",
    "folded header": b"GET /health/live HTTP/1.1\r\n" + HOST + b"X-Thing: a\r\n b\r\n\r\n",
    "NUL in a header": b"GET /health/live HTTP/1.1\r\n" + HOST + b"X-Thing: a\0b\r\n\r\n",
    "no version": b"GET /health/live\r\n\r\n",
    "version of the future": b"GET /health/live HTTP/9.9\r\n" + HOST + b"\r\n",
    "lower-case method": b"get /health/live HTTP/1.1\r\n" + HOST + b"\r\n",
    "header line of 9 KB": b"GET /health/live HTTP/1.1\r\n" + HOST + b"X-Thing: " + b"a" * 9000 + b"\r\n\r\n",
    "request line of 9 KB": b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\n" + HOST + b"\r\n",
    "a hundred headers": b"GET /health/live HTTP/1.1\r\n"
    + HOST
    + b"".join(b"X-%d: x\r\n" % number for number in range(100))
    + b"\r\n",
}
SMUGGLED = b"GET /health/ready HTTP/1.1\r\n" + HOST + b"\r\n"


@pytest.fixture
def connect(live_stack: Any) -> Iterator[Any]:
    address = urlsplit(live_stack.url)
    with contextlib.ExitStack() as opened:
        yield lambda: opened.enter_context(socket.create_connection((address.hostname, address.port), timeout=10))


def status_from(connection: socket.socket) -> int:
    """The status of the next final answer, which is read to its end."""
    answer = http.client.HTTPResponse(connection)
    answer.begin()
    answer.read()
    return answer.status


def everything_from(connection: socket.socket) -> bytes:
    """All that the server sends until it closes. Raises TimeoutError if it does not."""
    received = b""
    with contextlib.suppress(ConnectionResetError):
        while part := connection.recv(65536):
            received += part
    return received


@pytest.mark.parametrize("fault", MALFORMED)
def test_a10_malformed_requests_are_refused_and_the_connection_closed(connect: Any, fault: str) -> None:
    connection = connect()
    connection.sendall(MALFORMED[fault] + SMUGGLED)
    answer = everything_from(connection)
    assert answer.startswith((b"HTTP/1.1 4", b"HTTP/1.1 5", b"HTTP/1.0 4")), answer[:200]
    assert answer.count(b"HTTP/1.") == 1, "what came behind was answered, too"


def test_a10_slow_clients_do_not_take_every_thread(live_stack: Any, connect: Any) -> None:
    for number in range(40):
        connection = connect()
        connection.sendall(b"GET /health/live HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: " + b"a" * (number + 1))
    started = time.monotonic()
    assert requests.get(f"{live_stack.url}/health/live", timeout=10).status_code == 200
    assert time.monotonic() - started < 5


def test_a10_a_body_that_never_comes_does_not_take_every_thread(live_stack: Any, connect: Any) -> None:
    for _ in range(40):
        connect().sendall(
            b"POST /v1/users HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
            b"Content-Length: 1000\r\n\r\n{"
        )
    started = time.monotonic()
    assert requests.get(f"{live_stack.url}/health/live", timeout=10).status_code == 200
    assert time.monotonic() - started < 5


def test_requests_in_pieces_in_chunks_and_kept_alive_are_answered_in_turn(connect: Any) -> None:
    """A body in chunks is read to its end, and is none to Django, which goes by the length (WSGI, PEP 3333)."""
    body = b'{"login": "nobody", "password": "x"}'
    start = b"POST /v1/auth/token HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
    requests_ = [
        start + b"Content-Length: %d\r\n\r\n" % len(body) + body,
        start + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (len(body), body),
        b"GET /health/live HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
    ]
    connection = connect()
    for request, status in zip(requests_, (401, 400, 200), strict=True):
        for piece in (request[:30], request[30:-3], request[-3:]):
            connection.sendall(piece)
            time.sleep(0.05)
        assert status_from(connection) == status


def test_who_asks_for_leave_to_send_a_body_is_given_it(connect: Any) -> None:
    connection = connect()
    connection.sendall(
        b"POST /v1/auth/token HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        b"Content-Length: 2\r\nExpect: 100-continue\r\n\r\n"
    )
    assert connection.recv(65536) == b"HTTP/1.1 100 Continue\r\n\r\n"
    connection.sendall(b"{}")
    assert status_from(connection) == 400
