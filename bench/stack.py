"""The servers, the data and the processes that a benchmark of requests needs, and what they have used of the CPU."""

import contextlib
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import django
import psycopg
import redis

from bench import data
from bench.data import SIZES, World
from devstack.process import die_with_parent
from devstack.stack import Stack

ROOT = Path(__file__).resolve().parents[1]
STATE = ROOT / ".state" / "bench"
# Not those of a look at the metrics.
_QUERIES = 'photogram_request_queries_total{route="api/'
TICK = 1000 / os.sysconf("SC_CLK_TCK")  # milliseconds


@dataclass
class Bench:
    """A loaded stack. `environment` is that of a production deployment on it."""

    world: World
    environment: dict[str, str]
    folder: Path
    postgres_pid: int

    @property
    def database_url(self) -> str:
        return self.environment["DATABASE_URL"]

    @contextlib.contextmanager
    def cache(self) -> Iterator["redis.Redis"]:
        with redis.Redis.from_url(self.environment["REDIS_URL"]) as client:
            yield client

    @contextlib.contextmanager
    def database(self) -> Iterator["psycopg.Connection[Any]"]:
        with psycopg.connect(self.database_url, autocommit=True) as connection:
            yield connection


@contextlib.contextmanager
def prepared(size: str, *, keep: bool) -> Iterator[Bench]:
    """Servers with the data of that size. `keep` leaves them in their folder, and takes what an earlier run left."""
    folder = STATE / size
    if not keep or _version(folder) != data.VERSION:
        shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)
    # Nothing is fetched or stored; a stack that is told of a store starts none.
    with Stack(folder, {"S3_ENDPOINT_URL": "http://127.0.0.1:9"}) as servers:
        environment = _environment(servers.environment)
        pids = {each.server.name: each.server.process.pid for each in servers.running}
        world = _loaded(folder, size, environment)
        _set_up_django(environment)
        yield Bench(world, environment, folder, pids["PostgreSQL"])
    if not keep:
        shutil.rmtree(folder, ignore_errors=True)


def _environment(servers: dict[str, str]) -> dict[str, str]:
    """As in production: limits counted, logs as JSON, behind one proxy that names the client and has ended TLS."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    ours = {name: os.environ[name] for name in ("WEB_CONCURRENCY", "WEB_THREADS", "HOME", "LANG") if name in os.environ}
    return {
        **ours,
        **servers,
        "PATH": path,
        "PYTHONPATH": str(ROOT),
        "DJANGO_SETTINGS_MODULE": "bench.settings",
        "PHOTOGRAM_ENV": "production",
        "SECRET_KEY": secrets.token_urlsafe(64),
        "JWT_SIGNING_KEY": secrets.token_urlsafe(48),
        "ALLOWED_HOSTS": "127.0.0.1",
        "PUBLIC_URL": "https://photogram.example",
        "TRUSTED_PROXIES": "1",
        "S3_ENDPOINT_URL": "http://127.0.0.1:9",
        "S3_PUBLIC_ENDPOINT_URL": "https://media.photogram.example",
        "S3_ACCESS_KEY_ID": "benchmark",
        "S3_SECRET_ACCESS_KEY": secrets.token_urlsafe(32),
        "MEDIA_CDN_URL": "https://cdn.photogram.example",
        "EMAIL_URL": "smtp://127.0.0.1:9",
        "ACCESS_TOKEN_LIFETIME_SECONDS": "86400",
        "METRICS_TOKEN": secrets.token_urlsafe(32),
    }


def _note(folder: Path) -> Path:
    return folder / "world.json"


def _version(folder: Path) -> int:
    """Of the data that an earlier run left; 0 if it left none."""
    return int(json.loads(_note(folder).read_text())["version"]) if _note(folder).exists() else 0


def _loaded(folder: Path, size: str, environment: dict[str, str]) -> World:
    """What was loaded, or what is loaded now."""
    subprocess.run([sys.executable, "manage.py", "migrate", "--verbosity", "0"], check=True, cwd=ROOT, env=environment)
    if _version(folder):
        return World(SIZES[size], json.loads(_note(folder).read_text())["ends"])
    world, began = World(SIZES[size], int(time.time() * 1000) - data.DAY), time.monotonic()
    print(f"Loading {world.size.people:,} people and {world.size.posts:,} posts …", flush=True)
    data.load(environment["DATABASE_URL"], world, lambda line: print(f"  {line}", flush=True))
    print(f"  {time.monotonic() - began:.0f} s in all", flush=True)
    _note(folder).write_text(json.dumps({"version": data.VERSION, "ends": world.ends}))
    return world


def _set_up_django(environment: dict[str, str]) -> None:
    """In this process as well, which signs tokens as the API does."""
    os.environ.update(environment)
    django.setup()


# ── Processes ────────────────────────────────────────────────────────────────────────────────────────────
class Process:
    """A child, with its output in a file."""

    def __init__(self, name: str, argv: list[str], bench: Bench, **environment: str) -> None:
        self.log = bench.folder / "logs" / f"{name}.log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", *argv],
                cwd=ROOT,
                env=bench.environment | environment,
                stdout=log,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
                preexec_fn=die_with_parent(),
            )

    @property
    def pid(self) -> int:
        return self.process.pid

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(15)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


class Served(Process):
    """A WSGI application under gunicorn, configured as ours is wherever it comes from."""

    def __init__(self, name: str, application: str, bench: Bench, **environment: str) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        self._token = bench.environment["METRICS_TOKEN"]
        argv = ["gunicorn", application, "-c", "config/gunicorn.py"]
        super().__init__(name, argv, bench, PORT=str(self.port), **environment)

    def await_answer(self, path: str) -> None:
        """Until it answers anything at all."""
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline and self.process.poll() is None:
            with contextlib.suppress(OSError):
                with contextlib.suppress(urllib.error.HTTPError):
                    urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5)
                return
            time.sleep(0.1)
        raise RuntimeError(f"It did not start; see {self.log}:\n{self.log.read_text()[-2000:]}")

    def queries(self) -> float:
        """SQL statements so far, as its metrics count them."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/metrics", headers={"Authorization": f"Bearer {self._token}"}
        )
        lines = urllib.request.urlopen(request, timeout=10).read().decode().splitlines()
        ours = [line for line in lines if line.startswith(_QUERIES)]
        return sum(float(line.split()[-1]) for line in ours)


# ── CPU ──────────────────────────────────────────────────────────────────────────────────────────────────
def cpu(pid: int) -> float:
    """Milliseconds of CPU that a process and all its descendants have used, those that have ended included."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    # utime, stime, and those of children that were waited for: fields 14 to 17 of proc(5).
    return sum(map(int, stat[11:15])) * TICK + sum(cpu(int(child)) for child in children)


def cache_cpu(client: "redis.Redis") -> float:
    """Milliseconds, as the cache itself accounts for them."""
    used: Any = client.info("cpu")
    return float(used["used_cpu_user"] + used["used_cpu_sys"]) * 1000
