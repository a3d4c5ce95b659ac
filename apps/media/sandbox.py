"""Decodes pictures in a child process that can be killed and has access to nothing: promises M1 and M2.

`render_safely` makes the variants in a child process with limited memory and CPU time, an empty environment, and a
wall-clock limit that the parent enforces. The child has one connection, a socket to its parent: the file comes in and
the variants go out as bytes, so it needs no files, and `confinement` refuses it everything else. One child serves many
pictures. A crash or hang fails one upload; the child is then replaced. It is a plain subprocess, because a Celery
pool worker may not have `multiprocessing` children. It never outlives its parent, which checks its answers.
"""

import importlib
import json
import os
import resource
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import nullcontext, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

from PIL import Image

from apps.core.media_types import media_type
from apps.media import confinement, renditions
from apps.media.containers import ACCEPTED_TYPES, ImagingError, Limits
from apps.media.renditions import ENCODINGS, Picture, Rendition
from apps.media.variants import SIDES
from apps.safety.hashes import require_hash

# `imaging.make`
Make = Callable[..., tuple[Picture, list[bytes]]]

ROOT = Path(__file__).resolve().parents[2]
# The child is replaced after this many pictures, in case a decoder leaks memory or was taken over.
PICTURES_PER_CHILD = 100
MAX_REPLY_BYTES = 64 * 1024
# Shared libraries and the interpreter use address space, but no private memory.
ADDRESS_SPACE_BEYOND_MEMORY = 1024 * 1024 * 1024
MAX_FILE_BYTES = 32 * 1024 * 1024
MAX_DESCRIPTORS = 64
# Without these, glibc keeps an arena per decoder thread, and numpy's library a buffer per thread.
MALLOC = {"MALLOC_ARENA_MAX": "1", "OPENBLAS_NUM_THREADS": "1"}
PASSED_ON = ("PATH", "LD_LIBRARY_PATH", "SYSTEMROOT")
# The length of a JSON message, before it.
LENGTH = struct.Struct(">I")
CHUNK_BYTES = 1024 * 1024


class SandboxUnavailable(OSError):
    """The picture could not be processed: no child starts, or the file cannot be read. A later attempt may succeed."""


class _ChildFailed(Exception):
    """The child ended, or its answer is not valid."""


@dataclass(frozen=True)
class _Child:
    process: "subprocess.Popen[bytes]"
    channel: socket.socket


class RenderPool:
    """One child process, started when first needed. The threads of this process use it in turn."""

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._child: _Child | None = None
        self._parent = 0
        self._served = 0

    def render(self, source: Path, *, declared_type: str, into: Path, square: bool, limits: Limits) -> Picture:
        """As `imaging.render`. Raises ImagingError, SandboxUnavailable, or OSError for a fault of the disk.

        If the child dies, a new one tries the same picture once more: the system may have been short of memory, or an
        operator may have killed it. There is no second attempt after a timeout.
        """
        renditions.require_size(source, limits)
        request = {"declared_type": declared_type, "square": square, "limits": asdict(limits)}
        with self._turn:
            deadline = time.monotonic() + limits.wall_seconds
            try:
                try:
                    picture, contents = self._ask(request, source, deadline)
                except _ChildFailed:
                    picture, contents = self._ask(request, source, deadline)
            except _ChildFailed as death:
                raise ImagingError("image_corrupt", reason=str(death)) from death
        return renditions.write(picture, contents, into=into)

    def close(self) -> None:
        """End the child, if there is one."""
        with self._turn:
            self._end()

    @property
    def pid(self) -> int | None:
        """The process id of the child, if there is one."""
        return self._child.process.pid if self._child else None

    def _ask(self, request: dict[str, Any], source: Path, deadline: float) -> tuple[Picture, list[bytes]]:
        child = self._ready_child()
        self._served += 1
        try:
            _send(child.channel, request, source, deadline)
            reply = _Reply(child.channel, deadline)
            return _picture(reply.message(), reply)
        except TimeoutError as late:
            self._end()
            raise ImagingError("processing_timeout", reason="wall clock") from late
        except SandboxUnavailable:
            # The child has received a part of the request.
            self._end()
            raise
        except (_ChildFailed, OSError, AttributeError, KeyError, TypeError, ValueError) as failure:
            status = self._end()
            if status in (-signal.SIGPROF, -signal.SIGXCPU):
                raise ImagingError("processing_timeout", reason="CPU time") from failure
            raise _ChildFailed(f"child ended with {status}: {failure!r}") from failure

    def _ready_child(self) -> _Child:
        if self._parent != os.getpid():  # this process was forked: the child belongs to its parent
            self._child, self._parent = None, os.getpid()
        if self._child and (self._served >= PICTURES_PER_CHILD or self._child.process.poll() is not None):
            self._end()
        if self._child is None:
            self._child, self._served = _started(), 0
        return self._child

    def _end(self) -> int | None:
        """Kill the child and all processes that it started. Returns its exit status."""
        child, self._child = self._child, None
        if child is None:
            return None
        # A child that has closed its end is about to exit, and its own exit status is needed.
        with suppress(subprocess.TimeoutExpired):
            child.process.wait(timeout=0.2 if _is_closed(child.channel) else 0)
        with suppress(ProcessLookupError):
            os.killpg(child.process.pid, signal.SIGKILL)
        child.channel.close()
        return child.process.wait()


def _started() -> _Child:
    confinement.hide_memory()
    environment = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    ours, theirs = socket.socketpair()
    try:
        process = subprocess.Popen(  # noqa: S603 - the same interpreter, a fixed module, no user input
            [sys.executable, "-s", "-m", "apps.media.sandbox", str(os.getpid())],
            stdin=theirs.fileno(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=ROOT,
            env=environment | MALLOC | {"LANG": "C.UTF-8"},
            start_new_session=True,
        )
    except OSError as error:
        ours.close()
        raise SandboxUnavailable(str(error)) from error
    finally:
        theirs.close()
    return _Child(process, ours)


def _send(channel: socket.socket, request: dict[str, Any], source: Path, deadline: float) -> None:
    """Send the request and the file.

    Raises SandboxUnavailable if the file cannot be read, TimeoutError, or OSError if the child has ended.
    """
    with _opened(source) as file:
        message = json.dumps(request | {"bytes": os.fstat(file.fileno()).st_size}).encode()
        parts = [LENGTH.pack(len(message)) + message]
        while parts:
            _until(channel, deadline)
            channel.sendall(parts.pop())
            if part := _next_part(file):
                parts.append(part)


def _opened(source: Path) -> IO[bytes]:
    try:
        return source.open("rb")
    except OSError as error:
        raise SandboxUnavailable(str(error)) from error


def _next_part(file: IO[bytes]) -> bytes:
    try:
        return file.read(CHUNK_BYTES)
    except OSError as error:
        raise SandboxUnavailable(str(error)) from error


class _Reply:
    """The answer of the child, part by part."""

    def __init__(self, channel: socket.socket, deadline: float) -> None:
        self._channel, self._deadline = channel, deadline

    def message(self) -> dict[str, Any]:
        (length,) = LENGTH.unpack(self.part(LENGTH.size, at_most=LENGTH.size))
        message: dict[str, Any] = json.loads(self.part(length, at_most=MAX_REPLY_BYTES))
        return message

    def part(self, length: int, *, at_most: int) -> bytes:
        """Raises TimeoutError or _ChildFailed."""
        if not 0 < length <= at_most:
            raise _ChildFailed(f"announces {length} bytes")
        received = bytearray()
        while len(received) < length:
            _until(self._channel, self._deadline)
            part = self._channel.recv(min(length - len(received), CHUNK_BYTES))
            if not part:
                raise _ChildFailed("no answer")
            received += part
        return bytes(received)


def _until(channel: socket.socket, deadline: float) -> None:
    """Let the next call on the socket raise TimeoutError at the deadline."""
    channel.settimeout(max(0.001, deadline - time.monotonic()))


def _is_closed(channel: socket.socket) -> bool:
    channel.settimeout(0)
    try:
        return not channel.recv(1, socket.MSG_PEEK)
    except BlockingIOError:
        return False
    except OSError:
        return True


def _picture(message: dict[str, Any], reply: _Reply) -> tuple[Picture, list[bytes]]:
    """The picture and the contents of its renditions. A child that was taken over must not be able to choose names."""
    if refusal := message.get("refused"):
        raise ImagingError(refusal["code"], refusal["detail"], reason=refusal["reason"])
    for image_hash in message["image_hashes"]:
        require_hash(image_hash)
    claimed = [_rendition(**claim) for claim in message.pop("renditions")]
    contents = [reply.part(rendition.bytes, at_most=MAX_FILE_BYTES) for rendition in claimed]
    return Picture(**message, renditions=claimed), contents


def _rendition(name: str, content_type: str, width: int, height: int, bytes: int, **_: object) -> Rendition:
    if name not in SIDES or content_type not in ENCODINGS:
        raise _ChildFailed(f"unknown rendition {name!r}, {content_type!r}")
    return Rendition(name, content_type, int(width), int(height), int(bytes))


_pool = RenderPool()


def render_safely(
    source: Path, *, declared_type: str, into: Path, square: bool = False, limits: Limits | None = None
) -> Picture:
    """Run `imaging.render` in the child of this process. Raises ImagingError, or OSError for temporary failures."""
    return _pool.render(source, declared_type=declared_type, into=into, square=square, limits=limits or Limits())


# ── The child ─────────────────────────────────────────────────────────────────────────────────────────────────────


def _serve(parent: int) -> None:
    """Answer requests until the input ends."""
    # Import all plugins: a confined process cannot.
    Image.init()
    requests, replies = open(0, "rb", closefd=False), open(0, "wb", closefd=False)  # noqa: SIM115 - open to the end
    # Only the child needs Pillow and numpy. Once it is confined it can import nothing.
    imaging = importlib.import_module("apps.media.imaging")
    _confine(parent)
    while head := requests.read(LENGTH.size):
        request = json.loads(requests.read(*LENGTH.unpack(head)))
        message, contents = _answer(imaging.make, request, requests)
        encoded = json.dumps(message, default=str).encode()
        replies.write(LENGTH.pack(len(encoded)) + encoded)
        replies.writelines(contents)
        replies.flush()


def _answer(make: Make, request: dict[str, Any], file: IO[bytes]) -> tuple[dict[str, Any], list[bytes]]:
    limits, declared_type = Limits(**request["limits"]), request["declared_type"]
    _bound(limits)
    try:
        # libde265 decodes in a thread.
        needs_thread = ACCEPTED_TYPES.get(media_type(declared_type)) == "HEIC"
        with confinement.threads_allowed() if needs_thread else nullcontext():
            data = file.read(request["bytes"])
            picture, contents = make(data, declared_type=declared_type, square=request["square"], limits=limits)
        return asdict(picture), contents
    except ImagingError as error:
        return {"refused": {"code": error.code, "detail": error.detail, "reason": error.reason}}, []
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


def _confine(parent: int) -> None:
    """Set the limits for the whole life of the child."""
    confinement.drop_root()
    # A change of user cancels the signal that was requested before.
    confinement.die_with_parent(parent, by=signal.SIGKILL)
    for what, most in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_NOFILE, MAX_DESCRIPTORS),
    ):
        resource.setrlimit(what, (most, most))
    confinement.confine()


def _bound(limits: Limits) -> None:
    """Set the limits for one picture. The timer counts the CPU time of all threads; its signal kills the process."""
    _, most = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (limits.max_memory, most))
    _, most = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (limits.max_memory + ADDRESS_SPACE_BEYOND_MEMORY, most))
    signal.setitimer(signal.ITIMER_PROF, limits.cpu_seconds)


if __name__ == "__main__":
    _serve(parent=int(sys.argv[1]))
