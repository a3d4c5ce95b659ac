"""The embedded servers: only those that are not named, kept between runs, and never left behind."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import psycopg
import pytest
import redis
import requests

from devstack.ports import Ports, is_free
from devstack.stack import Stack

ROOT = Path(__file__).resolve().parents[2]
pytestmark = [pytest.mark.xdist_group("devstack"), pytest.mark.timeout(180)]
NAMED = {name: os.environ[name] for name in ("DATABASE_URL", "REDIS_URL", "CELERY_BROKER_URL", "S3_ENDPOINT_URL")}


@pytest.fixture
def state(tmp_path):
    """A folder with a space in its name."""
    folder = tmp_path / "state of things"
    folder.mkdir()
    for parent in [folder, *folder.parents][:4]:
        parent.chmod(0o755)
    return folder


def without(*names):
    return {name: value for name, value in NAMED.items() if name not in names}


def test_servers_that_the_environment_names_are_not_started(state):
    with Stack(state, NAMED) as stack:
        assert stack.running == []
        assert stack.environment == {}


def test_each_is_started_where_its_name_is_missing(state):
    with Stack(state, without("REDIS_URL"), durable=False) as stack:
        assert set(stack.environment) == {"REDIS_URL"}
        assert redis.Redis.from_url(stack.environment["REDIS_URL"]).ping()


def test_what_was_written_is_there_after_a_restart_on_the_same_ports(state):
    environments = []
    for _ in range(2):
        with Stack(state, without("DATABASE_URL", "CELERY_BROKER_URL")) as stack:
            environments.append(stack.environment)
            with psycopg.connect(stack.environment["DATABASE_URL"], autocommit=True) as connection:
                connection.execute("CREATE TABLE IF NOT EXISTS kept (id serial)")
                connection.execute("INSERT INTO kept DEFAULT VALUES")
                rows = connection.execute("SELECT count(*) FROM kept").fetchone()
            queue = redis.Redis.from_url(stack.environment["CELERY_BROKER_URL"])
            length = queue.rpush("queue", "x")
    assert rows == (2,)
    assert length == 2
    assert environments[0] == environments[1]


def test_ports_in_use_are_left_to_others(state, tmp_path):
    import socket

    first = Ports(state / "ports.json")
    port = first.take("thing")
    assert Ports(state / "ports.json").take("thing") == port
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", port))
        taken.listen()
        assert not is_free(port)
        assert Ports(state / "ports.json").take("thing") != port


def test_a_port_can_be_configured(state, monkeypatch):
    monkeypatch.setenv("VALKEY_PORT", "21999")
    assert Ports(state / "ports.json").take("valkey") == 21999


def test_m5_storage_keeps_its_private_bucket_private(settings):
    base = os.environ["S3_ENDPOINT_URL"]
    for path in (settings.S3_PRIVATE_BUCKET, f"{settings.S3_PRIVATE_BUCKET}/x", settings.S3_PUBLIC_BUCKET, ""):
        assert requests.get(f"{base}/{path}", timeout=5).status_code == 403
    assert requests.put(f"{base}/{settings.S3_PUBLIC_BUCKET}/x", data=b"x", timeout=5).status_code == 403


HOLD = """
import sys, time
from pathlib import Path
from devstack.stack import Stack
with Stack(Path(sys.argv[1]), {"S3_ENDPOINT_URL": "x"}, durable=False) as stack:
    print("up", flush=True)
    time.sleep(60)
"""


def processes_of(state):
    return [p for p in psutil.process_iter(["cmdline", "cwd"]) if str(state) in " ".join(p.info["cmdline"] or [])]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_nothing_outlives_the_supervisor_however_it_dies(state, number):
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, state], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    assert holder.stdout.readline() == "up\n"
    servers = [p for p in processes_of(state) if p.pid != holder.pid]
    ports = json.loads((state / "ports.json").read_text())
    assert servers
    holder.send_signal(number)
    holder.wait(30)
    deadline = time.monotonic() + 15
    while time.monotonic() < deadline and not all(is_free(port) for port in ports.values()):
        time.sleep(0.1)
    assert all(is_free(port) for port in ports.values())


def test_a_server_that_dies_is_named(state):
    with Stack(state, without("REDIS_URL"), durable=False) as stack:
        assert stack.dead() == []
        stack.running[0].server.process.kill()
        stack.running[0].server.process.wait()
        assert stack.dead() == ["Valkey"]
