"""Each server is frozen in turn under a real gunicorn; the shipped alert rules are evaluated as by Prometheus."""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import httpx
import psycopg
import pytest

from config.queues import QUEUES
from devstack.ports import free_port
from devstack.process import die_with_parent, frozen
from devstack.stack import Stack
from tests.docs.alerting import Prometheus, notified, samples_of
from tests.docs.promql import Scrape
from tests.faults.conftest import ASKED, NO_CERTIFICATES, ROOT, copy_schema
from tests.waiting import eventually

# Its schema is copied.
pytestmark = [pytest.mark.slow, pytest.mark.django_db, pytest.mark.xdist_group("mortal")]

# The clock of Prometheus is faster than ours: a scrape every second has the time of one every half minute.
SCRAPE_EVERY, VIRTUAL_SECONDS = 1.0, 30.0
# With a hanging database a scrape may take as long as a request, on a busy machine twice as long.
MAX_SCRAPE_SECONDS = 8
HEARTBEATS = ["scheduler", "relay", "worker:worker@a", "worker:media@a", *(f"queue:{queue}" for queue in QUEUES)]
# The relay and the workers wait for the broker and have no heartbeat meanwhile.
SILENT_WITHOUT_BROKER = HEARTBEATS[1:]
# What a worker exports.
WORKER = {("photogram_task_total", frozenset({("task", "a"), ("outcome", "success")})): 1.0}


@dataclass
class Installation:
    """An API with servers of its own, and heartbeats of the processes that do not run."""

    stack: Stack
    url: str
    environment: dict[str, str]
    silent: set[str] = field(default_factory=set)
    prometheus: Prometheus = field(default_factory=Prometheus)
    slowest: float = 0.0

    def pid(self, server: str) -> int:
        return next(each.server.process.pid for each in self.stack.running if each.server.name.lower() == server)

    def ask(self, path: str) -> httpx.Response:
        return httpx.get(f"{self.url}{path}", timeout=60, verify=NO_CERTIFICATES)

    def beat(self, stopping: threading.Event) -> None:
        """Stores heartbeats while the database lets it; those of `silent` are minutes old."""
        statement = """INSERT INTO core_heartbeat (name, at) VALUES (%s, now() - %s * interval '1 minute')
                       ON CONFLICT (name) DO UPDATE SET at = excluded.at"""
        with psycopg.connect(self.stack.environment["DATABASE_URL"], autocommit=True) as connection:
            while not stopping.wait(0.5):
                for name in HEARTBEATS:
                    connection.execute(statement, [name, 5 if name in self.silent else 0])

    def scrape(self) -> dict[str, float]:
        """One scrape, with some traffic. Returns the state of each dependency as the metrics show it."""
        begun = time.monotonic()
        with ThreadPoolExecutor(3) as threads:
            for _ in range(2):
                threads.submit(self.ask, ASKED)
            response = threads.submit(self.ask, "/metrics").result()
            took = time.monotonic() - begun
        self.slowest = max(self.slowest, took)
        up = {("up", frozenset({("job", "photogram-api"), ("instance", "a")})): 1.0}
        samples = samples_of(response.text, job="photogram-api", instance="a") | up | WORKER
        number = len(self.prometheus.scrapes)
        # Times of jobs are compared with the clock.
        self.prometheus.add(Scrape(self.started + number * VIRTUAL_SECONDS, samples))
        time.sleep(max(0.0, SCRAPE_EVERY - took))
        return {
            dict(labels)["dependency"]: value
            for (name, labels), value in samples.items()
            if name == "photogram_dependency_up"
        }

    def __post_init__(self) -> None:
        self.started = time.time()

    def notified(self) -> set[str]:
        return notified(self.prometheus.firing())

    def subjects_with_errors(self) -> set[str]:
        """According to `manage.py system_check`. The servers of the tests are not durable."""
        command = [sys.executable, "manage.py", "system_check", "--json"]
        checked = subprocess.run(command, cwd=ROOT, env=self.environment, capture_output=True, text=True, check=False)
        findings = json.loads(checked.stdout)["findings"]
        return {each["subject"] for each in findings if each["severity"] == "error" and each["id"] != "photogram.E117"}

    def firing(self) -> set[str]:
        return {alert.name for alert in self.prometheus.firing()}


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory, django_db_setup: None) -> Iterator[Installation]:
    state = tmp_path_factory.mktemp("alerts")
    port = free_port()
    with Stack(state, {}, durable=False) as stack:
        copy_schema(to=stack.environment["DATABASE_URL"])
        environment = (
            os.environ
            | stack.environment
            | {
                "PHOTOGRAM_ENV": "development",
                "S3_PUBLIC_ENDPOINT_URL": stack.environment["S3_ENDPOINT_URL"],
                "PORT": str(port),
                "RATE_LIMITS": "off",
                "WEB_CONCURRENCY": "2",
                "PYTEST_XDIST_WORKER": "alerts",
            }
        )
        subprocess.run([sys.executable, "manage.py", "ensure_buckets"], cwd=ROOT, env=environment, check=True)
        gunicorn = subprocess.Popen(
            [sys.executable, "-m", "gunicorn", "config.wsgi", "-c", "config/gunicorn.py"],
            cwd=ROOT,
            env=environment,
            stdout=(state / "gunicorn.log").open("wb"),
            stderr=subprocess.STDOUT,
            preexec_fn=die_with_parent(),
        )
        installation = Installation(stack, f"http://127.0.0.1:{port}", environment)
        stopping = threading.Event()
        beating = threading.Thread(target=installation.beat, args=[stopping])
        beating.start()
        try:
            eventually(lambda: installation.ask("/health/ready").json()["status"] == "ok", 60, despite=httpx.HTTPError)
            yield installation
        finally:
            stopping.set()
            beating.join()
            gunicorn.terminate()
            gunicorn.wait(60)


def scrape_until(installation: Installation, condition: Callable[[], bool], seconds: float) -> None:
    """Scrapes until the condition holds. Every scrape shows every server, and in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, (installation.notified(), installation.firing())
        states = installation.scrape()
        assert states.keys() >= {"database", "cache", "broker", "storage"}
        assert installation.slowest < MAX_SCRAPE_SECONDS


@pytest.mark.promise("C8")
@pytest.mark.parametrize(
    ("server", "subject", "silent", "fires", "follows"),
    [
        ("seaweedfs", "storage", [], {"DependencyDown(storage)"}, set()),
        (
            "valkey",
            "cache",
            SILENT_WITHOUT_BROKER,
            {"DependencyDown(broker)", "DependencyDown(cache)"},
            {"RelaySilent", "WorkersSilent", "QueueStalled"},
        ),
        (
            "postgresql",
            "database",
            [],
            {"DependencyDown(database)"},
            {"ErrorRateHigh", "MetricsIncomplete", "HeartbeatsMissing"},
        ),
    ],
)
def test_frozen_server_fires_its_alert_and_inhibits_the_consequences(
    installation: Installation, server: str, subject: str, silent: list[str], fires: set[str], follows: set[str]
) -> None:
    """`subject` is the only one for which the system check finds an error."""
    assert installation.subjects_with_errors() == set()
    scrape_until(installation, lambda: len(installation.prometheus.scrapes) > 5 and not installation.firing(), 60)
    with frozen(installation.pid(server)):
        installation.silent = set(silent)
        scrape_until(installation, lambda: installation.notified() >= fires and installation.firing() >= follows, 90)
        for _ in range(3):
            installation.scrape()
            assert installation.notified() == fires
        assert installation.subjects_with_errors() == {subject}
    installation.silent = set()
    scrape_until(installation, lambda: "DependencyDown" not in installation.firing(), 60)
    scrape_until(installation, lambda: not installation.firing(), 120)
