"""Runs a broker, relays and workers that tests may kill, with a database and files of their own."""

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
# Shorter than in production, so that tests need not wait long.
LEASE, RETRY, STALLED = 2, 0.05, 6
ENVIRONMENT = {
    "PHOTOGRAM_ENV": "development",
    "TASK_LEASE_SECONDS": str(LEASE),
    "TASK_RETRY_SECONDS": str(RETRY),
    "WORKER_STALLED_SECONDS": str(STALLED),
}
CELERY = ["-m", "celery", "-A", "config.celery"]
INCLUDE = ["--include", "tests.jobs.faulty_tasks", "--loglevel", "INFO"]
PROGRAMS = {
    "dispatcher": ["manage.py", "dispatcher", "--settings", "config.dispatcher_settings"],
    "relay": ["manage.py", "relay"],
    "worker": [*CELERY, "worker", "--concurrency", "2", *INCLUDE, "--without-gossip", "--without-mingle"],
    "scheduler": [*CELERY, "beat", "--pidfile="],
}


class Harness:
    """Without CELERY_BROKER_URL in `environment` it starts a Valkey, which may be killed, too."""

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
        """Run a management command. Returns its output."""
        argv = [sys.executable, "manage.py", *arguments]
        done = subprocess.run(argv, cwd=ROOT, env=self.environment, check=True, capture_output=True, text=True)
        return done.stdout

    def kill(self, name: str) -> None:
        """Kill a process with its children."""
        process = self.running.pop(name)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def stop(self) -> None:
        for name in list(self.running):
            self.kill(name)
        if self.broker:
            self.broker.stop()
        os.close(self.lock)

    def report(self) -> str:
        """The state and the end of the log of each process."""
        return "\n".join(map(self._report_of, self.running))

    def _report_of(self, name: str) -> str:
        code = self.running[name].poll()
        log = (self.folder / f"{name}.log").read_text(errors="replace")
        return f"── {name}: {'running' if code is None else f'ended with {code}'}\n{log[-2000:]}"

    # ── Work ─────────────────────────────────────────────────────────────────────────────────────────────
    def enqueue(self, task: str, *, queue: str = DEFAULT, **kwargs: Any) -> Path:
        """Enqueue a task. Returns the file to which each attempt writes a line."""
        self.files += 1
        path = self.folder / f"attempts-{self.files}"
        enqueue(f"tests.jobs.faulty_tasks.{task}", kwargs={"path": str(path)} | kwargs, queue=queue)
        return path

    def broker_client(self) -> redis.Redis:
        return redis.Redis.from_url(self.environment["CELERY_BROKER_URL"])


def attempts(path: Path) -> int:
    return len(path.read_text().splitlines()) if path.exists() else 0


@contextlib.contextmanager
def own_database() -> Iterator[str]:
    """Let the default connection use a copy of the test database. Yields the URL of the copy."""
    name = connection.settings_dict["NAME"]
    copy = f"{name}_harness"
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
