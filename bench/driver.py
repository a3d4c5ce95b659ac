"""Sends requests over a number of connections, each the next one when the last is answered: `python -m bench.driver`
with a pickled Plan on its input and a pickled list of Outcomes on its output.

A process of its own, so that what it costs is in no server's account; and plain sockets, so that it costs little.
"""

import pickle
import re
import socket
import subprocess
import sys
import threading
import time
from dataclasses import dataclass

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_CLOSES = re.compile(rb"\r\nconnection: *close", re.IGNORECASE)


@dataclass(frozen=True)
class Call:
    """A request as it goes over the wire. `forget` are keys removed from the cache before it is sent."""

    request: bytes
    forget: tuple[str, ...] = ()


@dataclass(frozen=True)
class Plan:
    """What each connection asks, one after the other, for `seconds` at most."""

    port: int
    calls: list[list[Call]]
    seconds: float
    cache_port: int = 0


@dataclass(frozen=True)
class Outcome:
    """`at` and `seconds` by the monotonic clock; `fault` is the answer where it was not 2xx."""

    at: float
    seconds: float
    fault: str = ""


def call(
    method: str,
    path: str,
    *,
    token: str = "",
    cookie: str = "",
    body: bytes = b"",
    forget: tuple[str, ...] = (),
    address: int = 1,
) -> Call:
    """`cookie`: of a browser, which asks for pages. `address`: the last part of the client's address, as the proxy
    names it."""
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", f"X-Forwarded-For: 192.0.2.{address}"]
    lines += ["X-Forwarded-Proto: https", f"Accept: {'text/html' if cookie else 'application/json'}"]
    lines += [f"Cookie: {cookie}"] if cookie else []
    lines += [f"Authorization: Bearer {token}"] if token else []
    lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"] if body or method == "POST" else []
    return Call("\r\n".join([*lines, "", ""]).encode() + body, forget)


def drive(plan: Plan) -> list[Outcome]:
    """In a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "bench.driver"], input=pickle.dumps(plan), stdout=subprocess.PIPE, check=True
    )
    outcomes: list[Outcome] = pickle.loads(done.stdout)
    return outcomes


class Connection:
    """One client's: kept alive, opened again when the server closes it."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.socket = self._connected(plan.port)
        self.cache = self._connected(plan.cache_port) if plan.cache_port else None

    @staticmethod
    def _connected(port: int) -> socket.socket:
        opened = socket.create_connection(("127.0.0.1", port), timeout=30)
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return opened

    def outcome(self, call: Call) -> Outcome:
        self._forget(call.forget)
        at = time.monotonic()
        try:
            self.socket.sendall(call.request)
            head, body = self._answer()
        except OSError as error:
            self.socket = self._connected(self.plan.port)
            return Outcome(at, time.monotonic() - at, repr(error))
        seconds = time.monotonic() - at
        if _CLOSES.search(head):
            self.socket.close()
            self.socket = self._connected(self.plan.port)
        good = head[9:10] == b"2"
        return Outcome(at, seconds, "" if good else (head[:15] + body[:500]).decode(errors="replace"))

    def _answer(self) -> tuple[bytes, bytes]:
        received = bytearray()
        while (end := received.find(b"\r\n\r\n")) < 0:
            received += self._more()
        length = _LENGTH.search(received, 0, end + 2)
        whole = end + 4 + int(length[1] if length else 0)
        while len(received) < whole:
            received += self._more()
        return bytes(received[: end + 2]), bytes(received[end + 4 :])

    def _more(self) -> bytes:
        part = self.socket.recv(262_144)
        if not part:
            raise ConnectionResetError("closed in the middle of an answer")
        return part

    def _forget(self, keys: tuple[str, ...]) -> None:
        if keys and self.cache:
            words = b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in map(str.encode, ("UNLINK", *keys)))
            self.cache.sendall(b"*%d\r\n" % (len(keys) + 1) + words)
            self.cache.recv(64)


def main() -> None:
    plan: Plan = pickle.loads(sys.stdin.buffer.read())
    outcomes: list[Outcome] = []
    connections = [Connection(plan) for _ in plan.calls]
    deadline = time.monotonic() + plan.seconds

    def ask(connection: Connection, calls: list[Call]) -> None:
        own = []
        for each in calls:
            if time.monotonic() > deadline:
                break
            own.append(connection.outcome(each))
        outcomes.extend(own)

    threads = [threading.Thread(target=ask, args=pair) for pair in zip(connections, plan.calls, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    sys.stdout.buffer.write(pickle.dumps(outcomes))


if __name__ == "__main__":
    # Under its own name, not __main__'s, so that the other side can read what was pickled.
    from bench import driver

    driver.main()
