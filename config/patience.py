"""gunicorn's threads, spared from slow clients (promise A10), connections shared fairly among its processes, and its
end without a broken promise (promise C10).

A thread gets a request only when all of it is here. Until then its bytes gather in the event loop, where a connection
costs no thread, and a client that takes longer than REQUEST_SECONDS is cut off. That is cheap because requests are
small: photographs do not pass through the API.

A connection that is accepted by the kernel only is a promise, too: a worker that ends takes in what waits in the queue,
and then closes it, so that whoever comes later is refused at once and can go elsewhere.
"""

import re
import selectors
import time
import weakref
from contextlib import suppress
from functools import partial
from multiprocessing.sharedctypes import RawArray
from typing import Any

from gunicorn.workers.gthread import TConn, ThreadWorker  # type: ignore[import-untyped]

REQUEST_SECONDS = 10.0
# How long a worker leaves a new connection to one that has fewer.
COURTESY_SECONDS = 0.002
MOST_WORKERS = 256
# More than gunicorn and the API accept: what is larger is handed on at once, to be refused there.
MOST_HEAD = 64 * 1024
MOST_BODY = 320 * 1024
_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*(\d{1,18})[ \t]*(?=\r\n|$)", re.IGNORECASE)
_CHUNKED = re.compile(rb"\r\ntransfer-encoding:[ \t]*chunked[ \t]*(?=\r\n|$)", re.IGNORECASE)
_EXPECTS = re.compile(rb"\r\nexpect:[ \t]*100-continue", re.IGNORECASE)


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
    """A `gthread` worker whose event loop reads requests before its threads see them."""

    # The lowest number that no living worker has; given to it before it is forked.
    slot: int | None = None
    # By slot, in memory that all workers share. -1: whoever has the slot takes no connections.
    _connections = RawArray("i", [-1] * MOST_WORKERS)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._received: weakref.WeakKeyDictionary[TConn, bytearray] = weakref.WeakKeyDictionary()

    @property
    def nr_conns(self) -> int:
        """How many connections it has, as gunicorn counts them."""
        return self._nr_conns

    @nr_conns.setter
    def nr_conns(self, number: int) -> None:
        self._nr_conns = number
        self._tell(number)

    def _tell(self, number: int) -> None:
        if self.slot is not None and self.slot < MOST_WORKERS:
            self._connections[self.slot] = number if self.alive else -1

    def _another_has_fewer(self) -> bool:
        return any(0 <= number < self.nr_conns for number in self._connections)

    def init_process(self) -> None:
        self._tell(0)
        super().init_process()

    def set_accept_enabled(self, enabled: bool) -> None:
        super().set_accept_enabled(enabled)
        if not enabled and not self.alive:
            self._close_the_queue()

    def _close_the_queue(self) -> None:
        """gunicorn would leave it open, and unattended, until the last request is done; then it would be reset."""
        self._tell(self.nr_conns)
        for listener in self.sockets:
            before = -1
            while before != self.nr_conns:
                before = self.nr_conns
                self.accept(listener)
            listener.close()

    def accept(self, listener: Any) -> None:
        """All workers hear of a new connection. The first to wake would take most of them, and its threads would get in
        each other's way while others have nothing to do."""
        if self.alive and self._another_has_fewer():
            time.sleep(COURTESY_SECONDS)
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
