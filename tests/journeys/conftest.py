"""A whole Photogram of its own: gunicorn, worker, relay and scheduler as real processes, beside the tests' servers."""

import contextlib
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest

from devstack.process import die_with_parent

ROOT = Path(__file__).resolve().parent.parent.parent
PROCESSES = {
    "api": ["gunicorn", "config.wsgi", "-c", "config/gunicorn.py"],
    "worker": ["celery", "-A", "config.celery", "worker", "--concurrency", "1", "--without-gossip", "--without-mingle"],
    "relay": ["manage.py", "relay"],
    "scheduler": ["celery", "-A", "config.celery", "beat", "--loglevel", "ERROR", "--pidfile="],
}


@dataclass(frozen=True)
class LiveStack:
    """`url` is the API's base, without /api/v1."""

    url: str
    environment: dict[str, str]


@pytest.fixture(scope="session")
def live_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveStack]:
    logs = tmp_path_factory.mktemp("live")
    environment = os.environ | _environment()
    for command in (["migrate", "--verbosity", "0"], ["ensure_buckets"], ["ensure_schedule"]):
        subprocess.run(
            [sys.executable, "manage.py", *command], check=True, cwd=ROOT, env=environment, capture_output=True
        )
    running = []
    try:
        for name, (program, *arguments) in PROCESSES.items():
            argv = [sys.executable, *(["-m", program] if program != "manage.py" else [program]), *arguments]
            with (logs / f"{name}.log").open("wb") as log:
                running.append(
                    subprocess.Popen(
                        argv,
                        cwd=ROOT,
                        env=environment,
                        stdout=log,
                        stderr=subprocess.STDOUT,
                        preexec_fn=die_with_parent(),
                    )
                )
        stack = LiveStack(f"http://127.0.0.1:{environment['PORT']}", environment)
        _await_readiness(stack.url, logs)
        yield stack
    finally:
        for process in running:
            process.terminate()
        for process in running:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(20)
            process.kill()


def _environment() -> dict[str, str]:
    """A database and Redis databases of its own on the tests' servers, another for each xdist worker: two workers on
    one queue would take each other's tasks."""
    number = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    database = f"live_{os.environ.get('PYTEST_XDIST_WORKER', 'main')}"
    base = urlsplit(os.environ["DATABASE_URL"])
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as connection:
        connection.execute(f'DROP DATABASE IF EXISTS "{database}"')
        connection.execute(f'CREATE DATABASE "{database}"')
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    return {
        "PHOTOGRAM_ENV": "development",
        "DATABASE_URL": urlunsplit(base._replace(path=f"/{database}")),
        "REDIS_URL": os.environ["REDIS_URL"].rsplit("/", 1)[0] + f"/{20 + 2 * number}",
        "CELERY_BROKER_URL": os.environ["CELERY_BROKER_URL"].rsplit("/", 1)[0] + f"/{21 + 2 * number}",
        "PORT": str(port),
        "RATE_LIMITS": "off",
        "ERASURE_GRACE_DAYS": "0",
        "WEB_CONCURRENCY": "1",
        "PYTEST_XDIST_WORKER": "live",
    }


def _await_readiness(url: str, logs: Path) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError, urllib.error.URLError):
            if urllib.request.urlopen(f"{url}/health/ready", timeout=5).status == 200:
                return
        time.sleep(0.2)
    raise AssertionError("\n".join(log.read_text()[-3000:] for log in logs.iterdir()))
