"""The servers that the environment does not name, and the environment that names them all."""

import contextlib
import fcntl
import json
import os
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from devstack.ports import Ports
from devstack.postgres import Postgres
from devstack.process import Server, StartFailed, frozen
from devstack.seaweedfs import SeaweedFS
from devstack.valkey import Valkey

# How long the servers of a killed supervisor may take to end.
PATIENCE_SECONDS = 5


class Running(Protocol):
    server: Server

    def wait(self) -> None: ...
    def stop(self) -> None: ...


class Stack:
    """A context manager: servers up on entry, down on exit, their state under one folder.

    `environment` is what a child process needs to know. One stack at a time runs on a folder; entering raises
    StartFailed for a second one. `durable=False` is for tests: nothing needs to survive, so nothing waits for a disk.
    `buffers` is the memory that PostgreSQL keeps pages in.
    """

    def __init__(
        self, state: Path, environ: Mapping[str, str], *, durable: bool = True, buffers: str = "128MB"
    ) -> None:
        self.state = state.resolve()
        self.named = environ
        self.durable = durable
        self.buffers = buffers
        self.running: list[Running] = []
        self.environment: dict[str, str] = {}
        self._lock = -1

    def __enter__(self) -> Self:
        self.state.mkdir(parents=True, exist_ok=True)
        self._lock = _wait_for_lock(self.state)
        try:
            _note(self.state).unlink(missing_ok=True)
            self._start(Ports(self.state / "ports.json", self.named))
            self._write_note()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _start(self, ports: Ports) -> None:
        """All at once, the slowest first; then wait for each."""
        if "S3_ENDPOINT_URL" not in self.named:
            self._start_storage(ports)
        unnamed = {n: db for n, db in {"REDIS_URL": 0, "CELERY_BROKER_URL": 1}.items() if n not in self.named}
        if unnamed:
            valkey = Valkey(self.state, ports, durable=self.durable, lock=self._lock)
            self.running.append(valkey)
            self.environment |= {name: valkey.url(database) for name, database in unnamed.items()}
        if "DATABASE_URL" not in self.named:
            postgres = Postgres(self.state, ports, durable=self.durable, buffers=self.buffers, lock=self._lock)
            self.running.append(postgres)
            self.environment["DATABASE_URL"] = postgres.url
        for each in self.running:
            each.wait()

    def _start_storage(self, ports: Ports) -> None:
        bucket = self.named.get("S3_PUBLIC_BUCKET", "photogram-public")
        storage = SeaweedFS(self.state, ports, lock=self._lock)
        self.running.append(storage)
        self.environment |= {
            "S3_ENDPOINT_URL": storage.url,
            "S3_ACCESS_KEY_ID": storage.access_key,
            "S3_SECRET_ACCESS_KEY": storage.secret_key,
            "S3_REGION": "us-east-1",
            "S3_PUBLIC_BUCKET": bucket,
            "MEDIA_CDN_URL": f"{storage.url}/{bucket}",
        }

    def _write_note(self) -> None:
        note = _note(self.state)
        note.touch(mode=0o600)
        note.write_text(json.dumps(self.environment))
        _numbers(self.state).write_text(
            json.dumps({each.server.name: each.server.process.pid for each in self.running})
        )

    def stop(self) -> None:
        _note(self.state).unlink(missing_ok=True)
        while self.running:
            self.running.pop().stop()
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    def dead(self) -> list[str]:
        """The names of servers that have died."""
        return [each.server.name for each in self.running if each.server.process.poll() is not None]


@contextlib.contextmanager
def temporary_stack(environ: Mapping[str, str]) -> Iterator[Stack]:
    """A stack of which nothing is kept, beside any other: ports configured for that one are not for this."""
    named = {name: value for name, value in environ.items() if not name.endswith("_PORT")}
    with (
        tempfile.TemporaryDirectory(prefix="photogram-", ignore_cleanup_errors=True) as folder,
        Stack(Path(folder), named, durable=False) as stack,
    ):
        yield stack


def freeze(state: Path, server: str, seconds: float) -> None:
    """Stop a server of the running stack in its tracks, as if its machine hung, and let it go on after a while. Raises
    StartFailed when there is none of that name."""
    numbers: dict[str, int] = json.loads(_numbers(state).read_text()) if _is_locked(state) else {}
    chosen = {name.lower(): number for name, number in numbers.items()}
    if server.lower() not in chosen:
        raise StartFailed(f"No {server} runs on {state}; there is: {', '.join(chosen) or 'nothing'}.")
    with frozen(chosen[server.lower()]):
        time.sleep(seconds)


def running_environment(state: Path) -> dict[str, str] | None:
    """The environment of the stack that runs on this folder, if one does."""
    try:
        environment: dict[str, str] = json.loads(_note(state).read_text())
    except FileNotFoundError:
        return None
    return environment if _is_locked(state) else None


def _note(state: Path) -> Path:
    return state / "running.json"


def _numbers(state: Path) -> Path:
    return state / "processes.json"


def _is_locked(state: Path) -> bool:
    lock = _try_lock(state)
    if lock is None:
        return True
    os.close(lock)
    return False


def _wait_for_lock(state: Path) -> int:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while (lock := _try_lock(state)) is None:
        if time.monotonic() > deadline:
            raise StartFailed(f"Photogram already runs on {state}; another copy needs another STATE_DIR.")
        time.sleep(0.1)
    return lock


def _try_lock(state: Path) -> int | None:
    """The descriptor of the locked file. The lock goes with the last process that has inherited it."""
    lock = os.open(state / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        return None
    return lock
