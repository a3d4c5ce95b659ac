"""Picture work in a child that may die.

Decoders are the most attacked code there is, so they run in a process with limits on memory, CPU and files, without
our secrets. It handles many pictures before it is replaced. One that dies or hangs costs the picture it was working
on, with a code, and nothing else. `python -m apps.media.sandbox` is the child: one JSON request a line, one answer.
"""

import contextlib
import ctypes
import json
import os
import resource
import selectors
import signal
import subprocess
import sys
import threading
from dataclasses import asdict, replace
from pathlib import Path
from typing import IO, Any, cast

from apps.media.imaging import ImagingError, Limits, Picture, Rendition, render

ROOT = Path(__file__).resolve().parent.parent.parent
PICTURES_A_CHILD = 200
PR_SET_PDEATHSIG = 1


class Sandbox:
    """One child at a time, started when needed."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._child: subprocess.Popen[bytes] | None = None
        self._owner = 0
        self._done = 0

    def render(self, source: Path, *, declared_type: str, into: Path, square: bool, limits: Limits) -> Picture:
        """As `imaging.render`, in the child. Raises ImagingError."""
        request = {
            "source": str(source),
            "declared_type": declared_type,
            "into": str(into),
            "square": square,
            "limits": asdict(limits),
        }
        with self._lock:
            answer = self._ask(json.dumps(request).encode() + b"\n", limits)
        if "error" in answer:
            raise ImagingError(answer["error"])
        renditions = [Rendition(**r | {"path": Path(r["path"])}) for r in answer.pop("renditions")]
        return Picture(**answer, renditions=renditions)

    def stop(self) -> None:
        if self._child is not None:
            self._child.kill()
            self._child.wait()
            for pipe in (self._child.stdin, self._child.stdout):
                if pipe:
                    pipe.close()
            self._child = None

    def _ask(self, line: bytes, limits: Limits) -> dict[str, Any]:
        child = self._running_child(limits)
        requests, answers = cast(IO[bytes], child.stdin), cast(IO[bytes], child.stdout)
        with contextlib.suppress(BrokenPipeError):
            requests.write(line)
            requests.flush()
        with selectors.DefaultSelector() as selector:
            selector.register(answers, selectors.EVENT_READ)
            answered = selector.select(limits.seconds)
        raw = answers.readline() if answered else b""
        if not raw.endswith(b"\n"):
            code = _cause(child, answered=bool(answered))
            self.stop()
            return {"error": code}
        self._done += 1
        answer: dict[str, Any] = json.loads(raw)
        return answer

    def _running_child(self, limits: Limits) -> subprocess.Popen[bytes]:
        inherited = self._owner != os.getpid()
        if inherited:
            # After a fork the pipes belong to the parent's child: leave it alone and start our own.
            self._child, self._owner = None, os.getpid()
        if self._child is not None and (self._done >= PICTURES_A_CHILD or self._child.poll() is not None):
            self.stop()
        if self._child is None:
            self._done = 0
            self._child = subprocess.Popen(  # noqa: S603  (our own interpreter and module)
                [sys.executable, "-s", "-m", "apps.media.sandbox", str(limits.memory_bytes)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                cwd=ROOT,
                env={"PATH": os.defpath, "LANG": "C.UTF-8", "OPENBLAS_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "1"},
                start_new_session=True,
            )
        return self._child


def _cause(child: subprocess.Popen[bytes], *, answered: bool) -> str:
    """Why there is no answer: too slow by the clock or by the CPU, or dead, which damage in the file explains."""
    if not answered:
        return "processing_timeout"
    child.wait()
    return "processing_timeout" if child.returncode == -signal.SIGXCPU else "image_corrupt"


_sandbox = Sandbox()


def render_safely(
    source: Path, *, declared_type: str, into: Path, square: bool = False, limits: Limits | None = None
) -> Picture:
    """The variants of `source`, made in this process's sandbox. Raises ImagingError."""
    return _sandbox.render(source, declared_type=declared_type, into=into, square=square, limits=limits or Limits())


# ── The child ────────────────────────────────────────────────────────────────────────────────────────────
def _confine(memory_bytes: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (64 * 1024 * 1024, 64 * 1024 * 1024))


def _allow_cpu(seconds: int) -> None:
    """That many seconds more than were used so far; then SIGXCPU ends the process."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    resource.setrlimit(resource.RLIMIT_CPU, (int(used.ru_utime + used.ru_stime) + seconds + 1, resource.RLIM_INFINITY))


def _serve() -> None:
    answers = os.fdopen(os.dup(1), "wb")
    for line in sys.stdin.buffer:
        request = json.loads(line)
        limits = replace(Limits(), **request.pop("limits"))
        _allow_cpu(limits.cpu_seconds)
        try:
            picture = render(
                Path(request["source"]),
                declared_type=request["declared_type"],
                into=Path(request["into"]),
                square=request["square"],
                limits=limits,
            )
            answer = asdict(picture)
        except ImagingError as error:
            answer = {"error": error.code}
        answers.write(json.dumps(answer, default=str).encode() + b"\n")
        answers.flush()


if __name__ == "__main__":
    _confine(int(sys.argv[1]))
    _serve()
