"""A PostgreSQL that tests may kill, with a real gunicorn in front of it."""

import contextlib
import os
import signal
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from devstack.binaries import installed_programs
from devstack.ports import Ports, free_port
from devstack.postgres import Postgres
from devstack.process import children, die_with_parent, frozen
from tests.databases import url_of
from tests.waiting import eventually

ROOT = Path(__file__).resolve().parents[2]
# An answer that only the database can give: there is no such person.
ASKED = "/v1/users/@nobody"
# There is no TLS here, and to load the certificates for each of many at once would be on their clock.
NO_CERTIFICATES = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


@dataclass
class Mortal:
    """An API and a database of its own."""

    url: str
    environment: dict[str, str]
    state: Path
    lock: int
    postgres: Postgres

    def start_gunicorn(self) -> None:
        with (self.state / "gunicorn.log").open("ab") as log:
            self.gunicorn = subprocess.Popen(
                [sys.executable, "-m", "gunicorn", "config.wsgi", "-c", "config/gunicorn.py"],
                cwd=ROOT,
                env=self.environment,
                stdout=log,
                stderr=subprocess.STDOUT,
                preexec_fn=die_with_parent(),
            )

    def stop_database(self) -> None:
        """At once: sessions are cut, nothing is written down."""
        self.postgres.server.process.send_signal(signal.SIGQUIT)
        self.postgres.server.process.wait(60)

    def start_database(self) -> None:
        """On the same port and data."""
        self.postgres = start_postgres(self.state, self.lock)

    def frozen_database(self) -> contextlib.AbstractContextManager[None]:
        """The server and its sessions, as on a machine that hangs: connections stand, and nothing answers."""
        return frozen(self.postgres.server.process.pid)

    def workers(self) -> list[int]:
        return children(self.gunicorn.pid)

    def ask(self, path: str = ASKED) -> httpx.Response:
        return httpx.get(f"{self.url}{path}", timeout=60, verify=NO_CERTIFICATES)

    def ask_at_once(self, count: int) -> list[httpx.Response]:
        with ThreadPoolExecutor(count) as threads:
            return list(threads.map(lambda _: self.ask(), range(count)))

    def await_answer(self, seconds: float = 60) -> float:
        """How long it takes until the database's answers come through again."""
        begun = time.monotonic()
        eventually(lambda: self.ask().status_code == 404, seconds, every=0.1, despite=httpx.TransportError)
        return time.monotonic() - begun


def start_postgres(state: Path, lock: int) -> Postgres:
    postgres = Postgres(state, Ports(state / "ports.json", {}), durable=True, lock=lock)
    postgres.wait()
    return postgres


@pytest.fixture
def mortal(started: Mortal) -> Mortal:
    """In good health: what the test before has broken is not laid at the door of this one."""
    started.await_answer()
    return started


@pytest.fixture(scope="session")
def started(tmp_path_factory: pytest.TempPathFactory, django_db_setup: None) -> Iterator[Mortal]:
    state = tmp_path_factory.mktemp("mortal")
    lock = os.open(state / "lock", os.O_RDWR | os.O_CREAT)
    postgres = start_postgres(state, lock)
    copy_schema(to=postgres.url)
    port = free_port()
    environment = os.environ | {
        "PHOTOGRAM_ENV": "development",
        "DATABASE_URL": postgres.url,
        "PORT": str(port),
        "RATE_LIMITS": "off",
        "WEB_CONCURRENCY": "1",
        "PYTEST_XDIST_WORKER": "mortal",
    }
    mortal = Mortal(f"http://127.0.0.1:{port}", environment, state, lock, postgres)
    mortal.start_gunicorn()
    try:
        mortal.await_answer()
        yield mortal
    finally:
        mortal.gunicorn.terminate()
        mortal.gunicorn.wait(60)
        mortal.postgres.stop()
        os.close(lock)


def copy_schema(*, to: str) -> None:
    """Copies the schema of the tests' database; migrating an empty one would take many times as long."""
    programs = installed_programs()
    for options in (["--schema-only"], ["--data-only", "--table=django_migrations"]):
        dumped = subprocess.run([programs / "pg_dump", *options, url_of()], check=True, capture_output=True)
        subprocess.run([programs / "psql", "--quiet", to], input=dumped.stdout, check=True, capture_output=True)
