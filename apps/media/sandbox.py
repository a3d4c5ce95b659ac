"""Decodes pictures in a child process that can be killed: promises M1 and M2.

`render_safely` runs `imaging.render` in a child process with limited memory, CPU time, file size and descriptors, an
empty environment, and a wall-clock limit that the parent enforces. One child serves many pictures. A crash or hang
fails one upload; the child is then replaced. The child is a plain subprocess, because a Celery pool worker may not have
`multiprocessing` children. It reads and writes lines of JSON and never outlives its parent. The parent does not trust
the paths in its answers: it looks for renditions under their expected names in the requested folder.
"""

import ctypes
import importlib
import json
import logging
import os
import resource
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any, cast

from apps.media.containers import ImagingError, Limits
from apps.media.renditions import ENCODINGS, Picture, Rendition
from apps.safety.hashes import require_hash

log = logging.getLogger(__name__)

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
# linux/prctl.h
PR_SET_PDEATHSIG, PR_SET_NO_NEW_PRIVS = 1, 38


class SandboxUnavailable(OSError):
    """The picture could not be processed: no child starts, or the disk is full. Trying again later may help."""


class _ChildFailed(Exception):
    """The child ended, or its answer is not valid."""


class RenderPool:
    """One child process, started when first needed. The threads of this process use it in turn."""

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._child: subprocess.Popen[bytes] | None = None
        self._parent = 0
        self._served = 0

    def render(self, source: Path, *, declared_type: str, into: Path, square: bool, limits: Limits) -> Picture:
        """As `imaging.render`. Raises ImagingError, or SandboxUnavailable.

        If the child dies, a new one tries the same picture once more: the system may have been short of memory, or an
        operator may have killed it. There is no second attempt after a timeout.
        """
        request = {
            "source": str(source.resolve()),
            "declared_type": declared_type,
            "into": str(into.resolve()),
            "square": square,
            "limits": asdict(limits),
        }
        line = json.dumps(request).encode() + b"\n"
        with self._turn:
            deadline = time.monotonic() + limits.wall_seconds
            try:
                try:
                    reply = self._ask(line, deadline)
                except _ChildFailed:
                    reply = self._ask(line, deadline)
            except _ChildFailed as death:
                raise ImagingError("image_corrupt", reason=str(death)) from death
        try:
            return _picture(reply, into)
        except (AttributeError, KeyError, TypeError, ValueError) as invalid:
            raise ImagingError("image_corrupt", reason=f"invalid answer: {invalid!r}") from invalid

    def close(self) -> None:
        """End the child, if there is one."""
        with self._turn:
            self._end()

    @property
    def pid(self) -> int | None:
        """The process id of the child, if there is one."""
        return self._child.pid if self._child else None

    def _ask(self, line: bytes, deadline: float) -> dict[str, Any]:
        child = self._ready_child()
        self._served += 1
        try:
            requests = cast(IO[bytes], child.stdin)
            requests.write(line)
            requests.flush()
            return cast(dict[str, Any], json.loads(_line(child, deadline)))
        except TimeoutError as late:
            self._end()
            raise ImagingError("processing_timeout", reason="wall clock") from late
        except (_ChildFailed, BrokenPipeError, ValueError) as death:
            status = self._end()
            if status in (-signal.SIGPROF, -signal.SIGXCPU):
                raise ImagingError("processing_timeout", reason="CPU time") from death
            raise _ChildFailed(f"child ended with {status}: {death}") from death

    def _ready_child(self) -> subprocess.Popen[bytes]:
        if self._parent != os.getpid():  # this process was forked: the child belongs to its parent
            self._child, self._parent = None, os.getpid()
        if self._child and (self._served >= PICTURES_PER_CHILD or self._child.poll() is not None):
            self._end()
        if self._child is None:
            self._child, self._served = _started(), 0
        return self._child

    def _end(self) -> int | None:
        """Kill the child and all processes that it started. Returns its exit status."""
        child, self._child = self._child, None
        if child is None:
            return None
        # A child that has closed its pipe is about to exit, and its own exit status is needed.
        with suppress(subprocess.TimeoutExpired):
            child.wait(timeout=0.2 if _closed(child) else 0)
        with suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        for pipe in (child.stdin, child.stdout):
            with suppress(OSError):
                cast(IO[bytes], pipe).close()
        return child.wait()


def _started() -> subprocess.Popen[bytes]:
    environment = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    try:
        return subprocess.Popen(  # noqa: S603 - the same interpreter, a fixed module, no user input
            [sys.executable, "-s", "-m", "apps.media.sandbox", str(os.getpid())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=ROOT,
            env=environment | MALLOC | {"LANG": "C.UTF-8"},
            start_new_session=True,
        )
    except OSError as error:
        raise SandboxUnavailable(str(error)) from error


def _line(child: subprocess.Popen[bytes], deadline: float) -> bytes:
    """Read the answer of the child. Raises TimeoutError or _ChildFailed."""
    replies = cast(IO[bytes], child.stdout).fileno()
    waiting = select.poll()
    waiting.register(replies, select.POLLIN)
    received = b""
    while not received.endswith(b"\n"):
        if not waiting.poll(max(0.0, deadline - time.monotonic()) * 1000):
            raise TimeoutError
        piece = os.read(replies, MAX_REPLY_BYTES)
        received += piece
        if not piece or len(received) > MAX_REPLY_BYTES:
            raise _ChildFailed("no answer")
    return received


def _closed(child: subprocess.Popen[bytes]) -> bool:
    waiting = select.poll()
    waiting.register(cast(IO[bytes], child.stdout).fileno(), 0)
    return any(event & select.POLLHUP for _, event in waiting.poll(0))


def _picture(reply: dict[str, Any], into: Path) -> Picture:
    if refusal := reply.get("refused"):
        raise ImagingError(refusal["code"], refusal["detail"], reason=refusal["reason"])
    if "unavailable" in reply:
        raise SandboxUnavailable(reply["unavailable"])
    for image_hash in reply["image_hashes"]:
        require_hash(image_hash)
    renditions = [_rendition(each, into) for each in reply.pop("renditions")]
    return Picture(**reply, renditions=renditions)


def _rendition(claim: dict[str, Any], into: Path) -> Rendition:
    """Check that a rendition is a regular file with the expected name: a child that was taken over must not be able to
    publish other files."""
    suffix = ENCODINGS[claim["content_type"]][1]
    path = into / f"{claim['name']}.{suffix}"
    if path.parent != into or path.is_symlink() or not path.is_file():
        raise ImagingError("image_corrupt", reason=f"no plain file {path.name}")
    return Rendition(**claim | {"path": path, "bytes": path.stat().st_size})


_pool = RenderPool()


def render_safely(
    source: Path, *, declared_type: str, into: Path, square: bool = False, limits: Limits | None = None
) -> Picture:
    """Run `imaging.render` in the child of this process. Raises ImagingError, or SandboxUnavailable for temporary
    failures."""
    return _pool.render(source, declared_type=declared_type, into=into, square=square, limits=limits or Limits())


# ── The child ─────────────────────────────────────────────────────────────────────────────────────────────────────


def _serve(parent: int) -> None:
    """Answer requests, one per line, until the input ends."""
    replies = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # output of libraries must not be read as an answer
    # Imported here, because only the child needs Pillow and numpy.
    imaging = importlib.import_module("apps.media.imaging")
    _confine(parent)
    for line in sys.stdin.buffer:
        replies.write(json.dumps(_answer(imaging.render, json.loads(line)), default=str).encode() + b"\n")
        replies.flush()


def _answer(render: Callable[..., Picture], request: dict[str, Any]) -> dict[str, Any]:
    limits = Limits(**request["limits"])
    _bound(limits)
    try:
        return asdict(
            render(
                Path(request["source"]),
                declared_type=request["declared_type"],
                into=Path(request["into"]),
                square=request["square"],
                limits=limits,
            )
        )
    except ImagingError as error:
        return {"refused": {"code": error.code, "detail": error.detail, "reason": error.reason}}
    except OSError as error:
        return {"unavailable": str(error)}
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


def _confine(parent: int) -> None:
    """Set the limits for the whole life of the child."""
    if sys.platform == "linux":
        libc = ctypes.CDLL(None)
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    if os.getppid() != parent:  # it died before the signal was requested
        sys.exit()
    for what, most in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, MAX_FILE_BYTES),
        (resource.RLIMIT_NOFILE, MAX_DESCRIPTORS),
    ):
        resource.setrlimit(what, (most, most))


def _bound(limits: Limits) -> None:
    """Set the limits for one picture. The timer counts the CPU time of all threads; its signal kills the process."""
    _, most = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (limits.max_memory, most))
    _, most = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (limits.max_memory + ADDRESS_SPACE_BEYOND_MEMORY, most))
    signal.setitimer(signal.ITIMER_PROF, limits.cpu_seconds)


if __name__ == "__main__":
    _serve(parent=int(sys.argv[1]))
