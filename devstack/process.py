"""A server process that ends with its parent and writes its output to a file."""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


class StartFailed(RuntimeError):
    """A server could not be started. The message is for the person who typed the command."""


def ask_for_death_signal(number: int) -> None:
    """Ask the kernel to send the signal `number` to this process when its parent dies (Linux only)."""
    if _libc is not None:
        _libc.prctl(PR_SET_PDEATHSIG, number)


def die_with_parent(number: int = signal.SIGTERM) -> Callable[[], None]:
    """Returns a `preexec_fn` for Popen, which makes the child receive a signal when this process dies."""
    parent = os.getpid()

    def set_signal() -> None:
        ask_for_death_signal(number)
        if os.getppid() != parent:
            os._exit(1)

    return set_signal


class Server:
    """A child process in a session of its own, so that Ctrl-C in the terminal reaches it only through `stop`."""

    def __init__(
        self,
        name: str,
        argv: Sequence[str | Path],
        *,
        log: Path,
        cwd: Path,
        descriptors: Sequence[int] = (),
        user: int | None = None,
        stop_signal: int = signal.SIGTERM,
        orphan_signal: int = signal.SIGTERM,
        env: Mapping[str, str] | None = None,
    ) -> None:
        """`descriptors` are inherited, for example the lock of the state folder, which is held while the server runs.

        `user` runs the server, in the group of the same number; None is the current user. `stop` sends `stop_signal`;
        the kernel sends `orphan_signal` when this process is killed.
        """
        self.name = name
        self.log = log
        self.stop_signal = stop_signal
        log.parent.mkdir(parents=True, exist_ok=True)
        if log.exists():
            log.replace(log.with_suffix(".log.1"))
        with log.open("wb") as output:
            self.process = subprocess.Popen(
                [str(part) for part in argv],
                stdout=output,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                cwd=cwd,
                env=env,
                pass_fds=descriptors,
                user=user,
                group=user,
                extra_groups=None if user is None else [],
                start_new_session=True,
                preexec_fn=die_with_parent(orphan_signal),
            )

    def wait_until(self, ready: Callable[[], bool], *, seconds: float = 60) -> None:
        """Raises StartFailed if the process ends or is not ready in time."""
        deadline = time.monotonic() + seconds
        while not ready():
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                tail = self.log.read_text(errors="replace")[-2000:]
                raise StartFailed(f"{self.name} did not start; see {self.log}:\n{tail}")
            time.sleep(0.05)

    def stop(self, *, timeout: float = 15) -> None:
        if self.process.poll() is None:
            self.process.send_signal(self.stop_signal)
            try:
                self.process.wait(timeout)
            except subprocess.TimeoutExpired:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()


def children(number: int) -> list[int]:
    """The ids of the children of a process, the oldest first (only on Linux)."""
    try:
        return [int(child) for child in Path(f"/proc/{number}/task/{number}/children").read_text().split()]
    except (FileNotFoundError, ProcessLookupError):
        return []


def family(number: int) -> list[int]:
    """A process and its children."""
    return [number, *children(number)]


@contextlib.contextmanager
def frozen(number: int) -> Iterator[None]:
    """Pause a process and its children, as if their machine hung."""
    stopped = family(number)
    try:
        _send(signal.SIGSTOP, stopped)
        yield
    finally:
        _send(signal.SIGCONT, stopped)


def _send(sent: int, numbers: Sequence[int]) -> None:
    """Send a signal to the processes that still exist: sessions of PostgreSQL may end at any time."""
    for number in numbers:
        with contextlib.suppress(ProcessLookupError):
            os.kill(number, sent)
