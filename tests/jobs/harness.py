"""A broker, a relay and a worker that may be killed, on a database and with files of their own."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import redis
from django.db import connection, connections

from apps.core.tasks.outbox import enqueue
from config.queues import DEFAULT
from devstack.ports import Ports
from devstack.process import die_with_parent
from devstack.valkey import Valkey
from tests.databases import url_of

ROOT = Path(__file__).resolve().parents[2]
# Short, so that the tests need not wait long: the proportions are those of the real ones.
LEASE, RETRY, STALLED = 2, 0.05, 6
ENVIRONMENT = {
    "PHOTOGRAM_ENV": "development",
    "TASK_LEASE_SECONDS": str(LEASE),
    "TASK_RETRY_SECONDS": str(RETRY),
    "WORKER_STALLED_SECONDS": str(STALLED),
}
CELERY = ["-m", "celery", "-A", "config.celery"]
INCLUDE = ["--include", "tests.jobs.pranks", "--loglevel", "INFO"]
PROGRAMS = {
    "relay": ["manage.py", "relay"],
    "worker": [*CELERY, "worker", "--concurrency", "2", *INCLUDE, "--without-gossip", "--without-mingle"],
    "scheduler": [*CELERY, "beat", "--pidfile="],
}


class Workshop:
    """`environment` names a broker; without one there is a Valkey, which may be killed, too."""

    def __init__(self, folder: Path, database: str, **environment: str) -> None:
        self.folder = folder
        self.ports = Ports(folder / "ports.json", {})
        self.lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT)
        self.running: dict[str, subprocess.Popen[bytes]] = {}
        self.broker: Valkey | None = None
        if "CELERY_BROKER_URL" not in environment:
            self.start_broker()
            environment["CELERY_BROKER_URL"] = self.broker.url(0)
        self.environment = os.environ | ENVIRONMENT | environment | {"DATABASE_URL": database}
        self.files = 0

    # ── Processes ────────────────────────────────────────────────────────────────────────────────────────
    def start_broker(self) -> None:
        self.broker = Valkey(self.folder, self.ports, durable=True, lock=self.lock)
        self.broker.wait()

    def start(self, name: str, *arguments: str, **environment: str) -> subprocess.Popen[bytes]:
        with (self.folder / f"{name}.log").open("ab") as log:
            self.running[name] = subprocess.Popen(
                [sys.executable, *PROGRAMS[name.split("-")[0]], *arguments],
                cwd=ROOT,
                env=self.environment | environment,
                stdout=log,
                stderr=subprocess.STDOUT,
                preexec_fn=die_with_parent(),
                start_new_session=True,
            )
        return self.running[name]

    def manage(self, *arguments: str) -> str:
        """What a management command prints."""
        argv = [sys.executable, "manage.py", *arguments]
        done = subprocess.run(argv, cwd=ROOT, env=self.environment, check=True, capture_output=True, text=True)
        return done.stdout

    def kill(self, name: str) -> None:
        """With everything it has started."""
        process = self.running.pop(name)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def stop(self) -> None:
        for name in list(self.running):
            self.kill(name)
        if self.broker:
            self.broker.stop()
        os.close(self.lock)

    def account(self) -> str:
        """What became of each process, and what it said last."""
        return "\n".join(map(self._account_of, self.running))

    def _account_of(self, name: str) -> str:
        code = self.running[name].poll()
        log = (self.folder / f"{name}.log").read_text(errors="replace")
        return f"── {name}: {'running' if code is None else f'ended with {code}'}\n{log[-2000:]}"

    # ── Work ─────────────────────────────────────────────────────────────────────────────────────────────
    def order(self, task: str, *, queue: str = DEFAULT, **kwargs: Any) -> Path:
        """The file in which each try of the task leaves a line."""
        self.files += 1
        path = self.folder / f"tries-{self.files}"
        enqueue(f"tests.jobs.pranks.{task}", kwargs={"path": str(path)} | kwargs, queue=queue)
        return path

    def broker_client(self) -> redis.Redis:
        return redis.Redis.from_url(self.environment["CELERY_BROKER_URL"])


def tries(path: Path) -> int:
    return len(path.read_text().splitlines()) if path.exists() else 0


@contextlib.contextmanager
def own_database() -> Iterator[str]:
    """A copy of the test database, which the default connection goes to meanwhile; its URL."""
    name = connection.settings_dict["NAME"]
    copy = f"{name}_workshop"
    connections.close_all()
    with psycopg.connect(url_of("postgres"), autocommit=True) as server:
        server.execute(f'DROP DATABASE IF EXISTS "{copy}" WITH (FORCE)')
        server.execute(f'CREATE DATABASE "{copy}" TEMPLATE "{name}"')
        connection.settings_dict["NAME"] = copy
        try:
            yield url_of(copy)
        finally:
            connections.close_all()
            connection.settings_dict["NAME"] = name
            server.execute(f'DROP DATABASE "{copy}" WITH (FORCE)')
