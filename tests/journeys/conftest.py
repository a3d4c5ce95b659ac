"""A complete Photogram: gunicorn, worker and dispatcher as processes, with the servers of the tests."""

import contextlib
import os
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from config.queues import QUEUES
from devstack.ports import free_port
from devstack.process import die_with_parent
from tests.databases import url_of
from tests.journeys.traces import Collector, collector
from tests.waiting import eventually

ROOT = Path(__file__).resolve().parent.parent.parent
# The processes of the Procfile with additional arguments: one worker with one child runs all queues.
PROCESSES: dict[str, list[str]] = {
    "api": [],
    "worker": ["--queues", ",".join(QUEUES), "--concurrency", "1"],
    "dispatcher": [],
}


@dataclass(frozen=True)
class LiveStack:
    """`url` is the API's base, without /v1; `logs` has a file for each process."""

    url: str
    environment: dict[str, str]
    worker_metrics_url: str
    logs: Path
    traces: Collector


@pytest.fixture(scope="session")
def traces() -> Iterator[Collector]:
    with collector() as collecting:
        yield collecting


@pytest.fixture(scope="session")
def live_stack(tmp_path_factory: pytest.TempPathFactory, traces: Collector) -> Iterator[LiveStack]:
    logs = tmp_path_factory.mktemp("live")
    environment = os.environ | _environment(traces)
    worker_metrics_port = str(free_port())
    for command in (["migrate", "--verbosity", "0"], ["ensure_buckets"], ["ensure_schedule"]):
        subprocess.run(
            [sys.executable, "manage.py", *command], check=True, cwd=ROOT, env=environment, capture_output=True
        )
    running = []
    try:
        for name, arguments in PROCESSES.items():
            with (logs / f"{name}.log").open("wb") as log:
                running.append(
                    subprocess.Popen(
                        [ROOT / "config" / "deploy" / "start", name, *arguments],
                        cwd=ROOT,
                        env=environment | {"METRICS_PORT": worker_metrics_port if name == "worker" else ""},
                        stdout=log,
                        stderr=subprocess.STDOUT,
                        preexec_fn=die_with_parent(),
                    )
                )
        stack = LiveStack(
            f"http://127.0.0.1:{environment['PORT']}",
            environment,
            f"http://127.0.0.1:{worker_metrics_port}/metrics",
            logs,
            traces,
        )
        _await_readiness(stack.url, logs)
        yield stack
    finally:
        for process in running:
            process.terminate()
        for process in running:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(60)
            process.kill()


def _environment(traces: Collector) -> dict[str, str]:
    """The environment with a database and Redis databases of its own for each xdist worker: workers on the same queue
    would take each other's tasks."""
    number = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    database = f"live_{os.environ.get('PYTEST_XDIST_WORKER', 'main')}"
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as connection:
        connection.execute(f'DROP DATABASE IF EXISTS "{database}"')
        connection.execute(f'CREATE DATABASE "{database}"')
    return {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
        "PHOTOGRAM_ENV": "development",
        "DATABASE_URL": url_of(database),
        "REDIS_URL": os.environ["REDIS_URL"].rsplit("/", 1)[0] + f"/{20 + 2 * number}",
        "CELERY_BROKER_URL": os.environ["CELERY_BROKER_URL"].rsplit("/", 1)[0] + f"/{21 + 2 * number}",
        "PORT": str(free_port()),
        "RATE_LIMITS": "off",
        "ERASURE_GRACE_DAYS": "0",
        "WEB_CONCURRENCY": "1",
        "PYTEST_XDIST_WORKER": "live",
        "LOG_FORMAT": "json",
        "LOG_LEVEL": "INFO",
        "OTEL_EXPORTER_OTLP_ENDPOINT": traces.url,
        "OTEL_BSP_SCHEDULE_DELAY": "200",
    }


def _await_readiness(url: str, logs: Path) -> None:
    eventually(
        lambda: urllib.request.urlopen(f"{url}/health/ready", timeout=5).status == 200,
        every=0.2,
        despite=OSError,
        otherwise=lambda: "\n".join(log.read_text()[-3000:] for log in logs.iterdir()),
    )
