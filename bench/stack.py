"""The servers, the data and the processes that a benchmark of requests needs, and what they have used of the CPU."""

import contextlib
import json
import os
import re
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import django
import psycopg
import redis
from django.conf import settings

from bench import data
from bench.data import SIZES, World
from bench.environment import production
from devstack.environment import search_path
from devstack.ports import free_port
from devstack.process import Server, children
from devstack.stack import Stack

ROOT = Path(__file__).resolve().parents[1]
STATE = ROOT / ".state" / "bench"
# Not those of a look at the metrics or at the health.
_QUERIES = re.compile(r'photogram_request_queries_total\{route="(?!metrics|health)')
NOBODY = "http://127.0.0.1:9"
# What PostgreSQL's manual advises to begin with, a quarter of the memory, on a machine of 8 GB.
BUFFERS = "2GB"
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
    """Servers with the data of that size. `keep` leaves them in their folder, and takes what an earlier run left. Once
    in a process: Django reads its settings only once."""
    # Nothing is fetched or stored; a stack that is told of a store starts none.
    with _folder(size, keep=keep) as folder, Stack(folder, {"S3_ENDPOINT_URL": NOBODY}, buffers=BUFFERS) as servers:
        environment = _environment(servers.environment)
        pids = {each.server.name: each.server.process.pid for each in servers.running}
        world = _loaded(folder, size, environment)
        _set_up_django(environment)
        yield Bench(world, environment, folder, pids["PostgreSQL"])


@contextlib.contextmanager
def _folder(size: str, *, keep: bool) -> Iterator[Path]:
    """The one in which data of that size are kept; or one for this run only, which touches nothing that is kept."""
    STATE.mkdir(parents=True, exist_ok=True)
    if not keep:
        with tempfile.TemporaryDirectory(prefix=f"{size}-", dir=STATE, ignore_cleanup_errors=True) as own:
            yield Path(own)
        return
    kept = STATE / size
    if _version(kept) != data.VERSION:
        shutil.rmtree(kept, ignore_errors=True)
    kept.mkdir(exist_ok=True)
    yield kept


def _environment(servers: dict[str, str]) -> dict[str, str]:
    """Production's, and of ours only what does no harm to figures."""
    ours = {name: os.environ[name] for name in ("WEB_CONCURRENCY", "WEB_THREADS", "HOME", "LANG") if name in os.environ}
    return {
        **ours,
        **production(),
        **servers,
        "PATH": search_path(),
        "PYTHONPATH": str(ROOT),
        "DJANGO_SETTINGS_MODULE": "bench.settings",
        "S3_ENDPOINT_URL": NOBODY,
        "S3_ACCESS_KEY_ID": "benchmark",
        "S3_SECRET_ACCESS_KEY": secrets.token_urlsafe(32),
        "EMAIL_URL": "smtp://127.0.0.1:9",
        "ACCESS_TOKEN_LIFETIME_SECONDS": "86400",
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
    """In this process as well, which signs tokens as the API does. Raises RuntimeError where another bench has done so:
    Django would go on asking that one's servers."""
    if settings.configured:
        raise RuntimeError("Django is set up already; a bench needs a process of its own.")
    os.environ.update(environment)
    django.setup()


# ── Processes ────────────────────────────────────────────────────────────────────────────────────────────
class Process(Server):
    """A module run as a child, of the code in `root`."""

    def __init__(self, name: str, argv: list[str], bench: Bench, *, root: Path = ROOT, **environment: str) -> None:
        log, env = bench.folder / "logs" / f"{name}.log", bench.environment | {"PYTHONPATH": str(root)} | environment
        super().__init__(name, [sys.executable, "-m", *argv], log=log, cwd=root, env=env)

    @property
    def pid(self) -> int:
        return self.process.pid


class Served(Process):
    """A WSGI application under gunicorn, configured as ours is wherever it comes from."""

    def __init__(
        self,
        name: str,
        application: str,
        bench: Bench,
        *,
        root: Path = ROOT,
        options: Sequence[str] = (),
        **environment: str,
    ) -> None:
        self.port = free_port()
        self._token = bench.environment["METRICS_TOKEN"]
        argv = ["gunicorn", application, "-c", "config/gunicorn.py", *options]
        super().__init__(name, argv, bench, root=root, PORT=str(self.port), **environment)

    def await_answer(self, path: str) -> None:
        """Until it answers anything at all."""
        self.wait_until(lambda: self._answers(path))

    def _answers(self, path: str) -> bool:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5)
        except urllib.error.HTTPError:
            return True
        except OSError:
            return False
        return True

    def queries(self) -> float:
        """SQL statements so far, as its metrics count them."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/metrics", headers={"Authorization": f"Bearer {self._token}"}
        )
        lines = urllib.request.urlopen(request, timeout=10).read().decode().splitlines()
        ours = [line for line in lines if _QUERIES.match(line)]
        return sum(float(line.split()[-1]) for line in ours)


class Worker(Process):
    """Of one queue."""

    def __init__(self, name: str, bench: Bench, *, queue: str, concurrency: int = 2, prefetch: int = 1) -> None:
        argv = ["celery", "--quiet", "-A", "config.celery", "worker", "--loglevel", "WARNING", "--queues", queue]
        argv += ["--concurrency", str(concurrency), "--prefetch-multiplier", str(prefetch)]
        super().__init__(name, [*argv, "--without-gossip", "--without-mingle"], bench)


# ── CPU ──────────────────────────────────────────────────────────────────────────────────────────────────
def cpu(pid: int) -> float:
    """Milliseconds of CPU that a process and all its descendants have used, those that have ended included."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    # utime, stime, and those of children that were waited for: fields 14 to 17 of proc(5).
    return sum(map(int, stat[11:15])) * TICK + sum(map(cpu, children(pid)))


def private_memory(pid: int) -> float:
    """Megabytes that the largest of the process's children shares with no other process (proc(5), smaps_rollup)."""

    def private(child: int) -> int:
        lines = Path(f"/proc/{child}/smaps_rollup").read_text().splitlines()
        return sum(int(line.split()[1]) for line in lines if line.startswith("Private_"))

    return max((private(child) for child in children(pid)), default=0) / 1000


def cache_cpu(client: "redis.Redis") -> float:
    """Milliseconds, as the cache itself accounts for them."""
    used: Any = client.info("cpu")
    return float(used["used_cpu_user"] + used["used_cpu_sys"]) * 1000


def cache_reads(client: "redis.Redis") -> int:
    """How often the cache has read from a connection: the round trips of its clients so far."""
    stats: Any = client.info("stats")
    return int(stats["total_reads_processed"])
