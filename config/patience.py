"""gunicorn's threads, spared from slow clients (promise A10), and its reloads without a pause (promise C10).

A thread gets a request only when all of it is here. Until then its bytes gather in the event loop, where a connection
costs no thread, and a client that takes longer than REQUEST_SECONDS is cut off. That is cheap because requests are
small: photographs do not pass through the API.

At a reload gunicorn starts new workers and ends the old ones at once, though the new ones need seconds until they
serve; requests would wait for so long. So an old worker goes on until one of the new generation serves.
"""

import multiprocessing
import re
import selectors
import signal
import time
import weakref
from contextlib import suppress
from functools import partial
from typing import Any

from gunicorn.workers.gthread import TConn, ThreadWorker  # type: ignore[import-untyped]

REQUEST_SECONDS = 10.0
# For a successor that does not come. It is less than `graceful_timeout`, for which the master waits.
SUCCESSOR_SECONDS = 20.0
# More than gunicorn and the API accept: what is larger is handed on at once, to be refused there.
MOST_HEAD = 64 * 1024
MOST_BODY = 320 * 1024
_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*(\d{1,18})[ \t]*(?=\r\n|$)", re.IGNORECASE)
_CHUNKED = re.compile(rb"\r\ntransfer-encoding:[ \t]*chunked[ \t]*(?=\r\n|$)", re.IGNORECASE)
_EXPECTS = re.compile(rb"\r\nexpect:[ \t]*100-continue", re.IGNORECASE)


class Generations:
    """Of workers, one for each reload; shared by the master and all that it forks."""

    def __init__(self) -> None:
        self._latest = multiprocessing.RawValue("i", 0)
        self._serving = multiprocessing.RawValue("i", -1)

    @property
    def latest(self) -> int:
        return int(self._latest.value)

    @property
    def serving(self) -> int:
        """The newest of which a worker serves."""
        return int(self._serving.value)

    def begin(self) -> None:
        """In the master, at a reload."""
        self._latest.value += 1

    def serves(self, generation: int) -> None:
        self._serving.value = max(self.serving, generation)


generations = Generations()


def is_whole(received: bytes | bytearray) -> bool:
    """Is this a request to its end, or one that will be refused as it is?"""
    head, ended, body = bytes(received).partition(b"\r\n\r\n")
    if not ended:
        return len(received) > MOST_HEAD
    length, chunked = _LENGTH.search(head), _CHUNKED.search(head)
    if chunked and not length:
        return len(body) > MOST_BODY or _ends_in_chunks(body)
    return chunked is not None or length is None or len(body) >= int(length[1]) or int(length[1]) > MOST_BODY


def _ends_in_chunks(body: bytes) -> bool:
    """Whether the chunks (RFC 9112, section 7.1) have come to their end; also when they are ill-formed."""
    position = 0
    while (end := body.find(b"\r\n", position)) >= 0:
        try:
            size = int(body[position:end].split(b";")[0], 16)
        except ValueError:
            return True
        if size <= 0:
            return size < 0 or body.find(b"\r\n\r\n", end) >= 0
        position = end + 2 + size + 2
    return False


def awaits_leave(received: bytes | bytearray) -> bool:
    """Does the client wait for `100 Continue` before it sends the body (RFC 9110, section 10.1.1)?"""
    head, ended, body = bytes(received).partition(b"\r\n\r\n")
    return bool(ended) and not body and bool(_EXPECTS.search(head))


class PatientWorker(ThreadWorker):  # type: ignore[misc]  # untyped
    """A `gthread` worker whose event loop reads requests before its threads see them, and that leaves its post only
    when somebody else stands there."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # In the master, just before the fork.
        self._generation = generations.latest
        self._leaves_at: float | None = None
        self._received: weakref.WeakKeyDictionary[TConn, bytearray] = weakref.WeakKeyDictionary()

    def run(self) -> None:
        generations.serves(self._generation)
        super().run()

    def handle_exit(self, number: int, frame: Any) -> None:
        """SIGTERM. For the second time it means at once."""
        if generations.latest == self._generation or self._leaves_at is not None:
            super().handle_exit(number, frame)
        else:
            self._leaves_at = time.monotonic() + SUCCESSOR_SECONDS

    def notify(self) -> None:
        """Once in a round of the event loop."""
        super().notify()
        if self._leaves_at is None or not self.alive:
            return
        if generations.serving > self._generation or time.monotonic() > self._leaves_at:
            super().handle_exit(signal.SIGTERM, None)

    def accept(self, listener: Any) -> None:
        try:
            client, address = listener.accept()
        except (BlockingIOError, ConnectionAbortedError):
            return
        self.nr_conns += 1
        self._gather(TConn(self.cfg, client, address, listener.getsockname()))

    def on_client_socket_readable(self, conn: Any, client: Any) -> None:
        """A kept-alive connection speaks again."""
        self.poller.unregister(client)
        self.keepalived_conns.remove(conn)
        self._gather(conn)

    def _gather(self, conn: Any) -> None:
        conn.sock.setblocking(False)
        conn.timeout = time.monotonic() + REQUEST_SECONDS
        self._received[conn] = bytearray()
        # gunicorn closes pending connections whose time is up.
        self.pending_conns.append(conn)
        self.poller.register(conn.sock, selectors.EVENT_READ, partial(self._read_some, conn))

    def _read_some(self, conn: Any, client: Any) -> None:
        received = self._received[conn]
        try:
            part = client.recv(65536)
        except BlockingIOError:
            return
        except OSError:
            part = b""
        received += part
        if part and not is_whole(received):
            if awaits_leave(received):
                with suppress(OSError):
                    client.send(b"HTTP/1.1 100 Continue\r\n\r\n")
            return
        self.poller.unregister(client)
        self.pending_conns.remove(conn)
        if part:
            self.enqueue_req(conn)
        else:
            self.nr_conns -= 1
            conn.close()

    def handle(self, conn: Any) -> Any:
        """In a thread: hand what was gathered to gunicorn's parser, and go on as ever."""
        if gathered := self._received.pop(conn, None):
            conn.init()
            conn.parser.unreader.unread(bytes(gathered))
        return super().handle(conn)
