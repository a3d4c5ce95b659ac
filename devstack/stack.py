"""Starts the servers that the environment does not name, and describes all of them in the environment."""

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

# How long to wait for the servers of a killed supervisor to end.
LOCK_TIMEOUT_SECONDS = 5


class Running(Protocol):
    server: Server

    def wait(self) -> None: ...
    def stop(self) -> None: ...


class Stack:
    """A context manager that starts servers on entry and stops them on exit. Their data is in one folder.

    `environment` are the variables for child processes. Raises StartFailed on entry if the folder is in use.
    `durable=False` is for tests: writes do not wait for the disk. `buffers` is PostgreSQL's `shared_buffers`. `host` is
    the address of the storage, which browsers use as well.
    """

    def __init__(
        self,
        state: Path,
        environ: Mapping[str, str],
        *,
        durable: bool = True,
        buffers: str = "128MB",
        host: str = "127.0.0.1",
    ) -> None:
        self.state = state.resolve()
        self.named = environ
        self.durable = durable
        self.buffers = buffers
        self.host = host
        self.running: list[Running] = []
        self.environment: dict[str, str] = {}
        self._lock = -1

    def __enter__(self) -> Self:
        self.state.mkdir(parents=True, exist_ok=True)
        self._lock = _wait_for_lock(self.state)
        try:
            _note(self.state).unlink(missing_ok=True)
            self._start(Ports(self.state / "ports.json", self.named))
            self._write_files()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _start(self, ports: Ports) -> None:
        """Start all servers, the slowest first, then wait for each."""
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
        storage = SeaweedFS(self.state, ports, lock=self._lock, host=self.host)
        self.running.append(storage)
        self.environment |= {
            "S3_ENDPOINT_URL": storage.url,
            "S3_ACCESS_KEY_ID": storage.access_key,
            "S3_SECRET_ACCESS_KEY": storage.secret_key,
            "S3_REGION": "us-east-1",
            "S3_PUBLIC_BUCKET": bucket,
            "MEDIA_CDN_URL": f"{storage.url}/{bucket}",
        }

    def _write_files(self) -> None:
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
        """The names of the servers that have ended."""
        return [each.server.name for each in self.running if each.server.process.poll() is not None]


@contextlib.contextmanager
def temporary_stack(environ: Mapping[str, str]) -> Iterator[Stack]:
    """A stack whose data is deleted afterwards. It runs beside others, so configured ports do not apply to it."""
    named = {name: value for name, value in environ.items() if not name.endswith("_PORT")}
    with (
        tempfile.TemporaryDirectory(prefix="photogram-", ignore_cleanup_errors=True) as folder,
        Stack(Path(folder), named, durable=False) as stack,
    ):
        yield stack


def freeze(state: Path, server: str, seconds: float) -> None:
    """Pause a server of the running stack for some seconds, as if its machine hung.

    Raises StartFailed if there is no server of that name.
    """
    numbers: dict[str, int] = json.loads(_numbers(state).read_text()) if _is_locked(state) else {}
    chosen = {name.lower(): number for name, number in numbers.items()}
    if server.lower() not in chosen:
        raise StartFailed(f"{server} does not run in {state}. Running servers: {', '.join(chosen) or 'none'}.")
    with frozen(chosen[server.lower()]):
        time.sleep(seconds)


def running_environment(state: Path) -> dict[str, str] | None:
    """The environment of the stack that runs on this folder; None if there is none."""
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
    if not state.exists():
        return False
    lock = _try_lock(state)
    if lock is None:
        return True
    os.close(lock)
    return False


def _wait_for_lock(state: Path) -> int:
    deadline = time.monotonic() + LOCK_TIMEOUT_SECONDS
    while (lock := _try_lock(state)) is None:
        if time.monotonic() > deadline:
            raise StartFailed(f"Photogram is already running in {state}. Set STATE_DIR to run a second copy.")
        time.sleep(0.1)
    return lock


def _try_lock(state: Path) -> int | None:
    """The descriptor of the locked file. The lock is released with the last process that has inherited it."""
    lock = os.open(state / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        return None
    return lock
