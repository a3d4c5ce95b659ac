"""What the defaults were chosen from: `python -m bench.tuning` (`make bench-tuning`).

The API with other numbers of workers, threads and connections to PostgreSQL, all on the same small network,
which take turns over few connections and over many; and workers of the queue with other numbers of processes and of
tasks that are fetched ahead, which take turns with portions of the same work. Prints what each costs, and its CPU and
its speed as a share of the default's: medians over the rounds.
"""

import argparse
import contextlib
import importlib
import random
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.table import Table

from bench.measuring import Meter, Sample, meter
from bench.stack import Bench, Process, Served, Worker, cache_cpu, cpu, prepared

FEW, MANY = 8, 32  # connections
PATHS = ["feed, first page", "like"]
PATIENCE = 120.0  # seconds
WARMING = 50  # tasks


@dataclass(frozen=True)
class Web:
    """Settings of the API. `reuse_port`: each worker has a listening socket of its own, and the kernel distributes
    connections among them."""

    processes: int = 2
    threads: int = 8
    pool: int = 10
    reuse_port: bool = False

    def __str__(self) -> str:
        sockets = ", reuse_port" if self.reuse_port else ""
        return f"{self.processes} × {self.threads}, pool {self.pool}{sockets}"

    def start(self, name: str, bench: Bench) -> Served:
        return Served(
            name,
            "config.wsgi",
            bench,
            options=["--reuse-port"] if self.reuse_port else [],
            WEB_CONCURRENCY=str(self.processes),
            WEB_THREADS=str(self.threads),
            DATABASE_POOL_MAX=str(self.pool),
        )


WEBS = [
    Web(),
    Web(reuse_port=True),
    Web(processes=1),
    Web(processes=4),
    Web(threads=2),
    Web(threads=4),
    Web(threads=16, pool=18),
    Web(pool=4),
    Web(pool=20),
]


@dataclass(frozen=True)
class Queue:
    concurrency: int = 2
    prefetch: int = 1

    def __str__(self) -> str:
        return f"{self.concurrency} processes, prefetch {self.prefetch}"

    def start(self, bench: Bench) -> Worker:
        return Worker("worker", bench, queue="notifications", concurrency=self.concurrency, prefetch=self.prefetch)


QUEUES = [Queue(), Queue(concurrency=1), Queue(concurrency=4), Queue(prefetch=4), Queue(prefetch=16)]


# ── The API ──────────────────────────────────────────────────────────────────────────────────────────────
def measure_web(bench: Bench, measuring: Meter, arguments: argparse.Namespace) -> None:
    paths = importlib.import_module("bench.paths")
    samples: dict[tuple[str, int, Web], list[Sample]] = {}
    with contextlib.ExitStack() as up:
        served = {}
        for number, web in enumerate(WEBS):
            served[web] = web.start(f"web{number}", bench)
            up.callback(served[web].stop)
        for each in served.values():
            each.await_answer("/health/live")
        walk = paths.Walk(bench, served[WEBS[0]], random.Random(arguments.seed))
        known = {path.name: path for path in walk.all()}
        for round in range(-1, arguments.rounds):
            for name in PATHS:
                for connections in (FEW, MANY):
                    for web in _in_turns(WEBS, round):
                        plan = walk.plan(known[name], connections, arguments.requests)
                        sample = measuring.measure(name, served[web], plan, round=round, seconds=PATIENCE, counts=False)
                        if sample.faults:
                            raise SystemExit(f"{web}: {len(sample.faults)} failed: {sample.faults[0]}")
                        if name == "like":
                            # So that there is always something to be liked.
                            measuring.measure(
                                name, served[web], paths.undone(plan), round=round, seconds=PATIENCE, counts=False
                            )
                        if round >= 0:
                            samples.setdefault((name, connections, web), []).append(sample)
    for name in PATHS:
        for connections in (FEW, MANY):
            rows = {str(web): samples[name, connections, web] for web in WEBS}
            _show_web(f"{name}, {connections} connections", rows)


def _show_web(title: str, rows: dict[str, list[Sample]]) -> None:
    table = Table(title=f"{title}; CPU in ms per request")
    for head in (
        "workers, processes × threads",
        "web",
        "db",
        "CPU",
        "req/s",
        "p50",
        "p95",
        "CPU, share",
        "req/s, share",
    ):
        table.add_column(head, justify="left" if head.startswith("workers") else "right")
    first = next(iter(rows.values()))
    for name, samples in rows.items():
        table.add_row(
            name,
            *(f"{_median(samples, field):.2f}" for field in ("web", "database", "total")),
            *(f"{_median(samples, field):.0f}" for field in ("per_second", "p50", "p95")),
            *(f"{_share(samples, first, field):.2f}" for field in ("total", "per_second")),
        )
    Console(width=130).print(table)


# ── The queue ────────────────────────────────────────────────────────────────────────────────────────────
@dataclass
class Portion:
    """What so many tasks took: tasks per second, and milliseconds of CPU per task of the worker and of everything."""

    per_second: float
    worker: float
    total: float


def measure_queue(bench: Bench, arguments: argparse.Namespace) -> None:
    portions: dict[Queue, list[Portion]] = {}
    with contextlib.ExitStack() as up:
        relay = Process("relay", ["django", "relay"], bench)
        up.callback(relay.stop)
        fill = _filler(bench, arguments.tasks)
        for round in range(-1, arguments.rounds):
            for queue in _in_turns(QUEUES, round):
                worker = queue.start(bench)
                try:
                    # For it to be up, and to have done everything once.
                    fill(WARMING)
                    _await_empty(bench)
                    portion = _portion(bench, relay, worker, fill, arguments.tasks)
                finally:
                    worker.stop()
                if round >= 0:
                    portions.setdefault(queue, []).append(portion)
    table = Table(title="Telling of likes; CPU in ms per task")
    for head in ("worker", "CPU of the worker", "CPU of all", "tasks/s", "CPU, share", "tasks/s, share"):
        table.add_column(head, justify="left" if head == "worker" else "right")
    for queue, own in portions.items():
        table.add_row(
            str(queue),
            *(f"{_median(own, field):.2f}" for field in ("worker", "total")),
            f"{_median(own, 'per_second'):.0f}",
            *(f"{_share(own, portions[QUEUES[0]], field):.2f}" for field in ("total", "per_second")),
        )
    Console(width=130).print(table)


def _filler(bench: Bench, tasks: int) -> Callable[[int], None]:
    """Enqueues so many tasks, for likes that nobody has been notified of yet."""
    notifications = importlib.import_module("apps.notifications.tasks")
    outbox = importlib.import_module("apps.core.tasks.outbox")
    with bench.database() as connection:
        connection.execute("TRUNCATE celery_outbox")
        likes: Iterator[Any] = iter(
            connection.execute(
                "SELECT post_id, user_id FROM engagement_like AS given WHERE NOT EXISTS "
                "(SELECT 1 FROM notifications_act WHERE cause = given.id) ORDER BY md5(id::text) LIMIT %s",
                [(tasks + WARMING) * len(QUEUES) * 20],
            ).fetchall()
        )

    def fill(count: int) -> None:
        with outbox.batch():
            for _ in range(count):
                post, actor = next(likes)
                notifications.sync_like_notification.delay(post_id=str(post), actor_id=str(actor))

    return fill


def _portion(bench: Bench, relay: Process, worker: Worker, fill: Callable[[int], None], tasks: int) -> Portion:
    def used() -> list[float]:
        with bench.cache() as cache:
            return [cpu(worker.pid), cpu(relay.pid), cpu(bench.postgres_pid), cache_cpu(cache)]

    before, began = used(), time.monotonic()
    fill(tasks)
    _await_empty(bench)
    took = time.monotonic() - began
    spent = [(b - a) / tasks for a, b in zip(before, used(), strict=True)]
    return Portion(tasks / took, spent[0], sum(spent))


def _await_empty(bench: Bench) -> None:
    deadline = time.monotonic() + PATIENCE
    with bench.database() as connection:
        while connection.execute("SELECT EXISTS (SELECT 1 FROM celery_outbox)").fetchone() == (True,):
            if time.monotonic() > deadline:
                raise SystemExit(f"After {PATIENCE:.0f} s tasks are still not done.")
            time.sleep(0.02)


# ── Both ─────────────────────────────────────────────────────────────────────────────────────────────────
def _in_turns(all: list[Any], round: int) -> list[Any]:
    """Whoever comes later finds warmer servers."""
    start = (round + 1) * 3 % len(all)
    return all[start:] + all[:start]


def _median(samples: list[Any], field: str) -> float:
    return statistics.median(float(getattr(sample, field)) for sample in samples)


def _share(samples: list[Any], first: list[Any], field: str) -> float:
    return statistics.median(
        float(getattr(a, field)) / float(getattr(b, field)) for a, b in zip(samples, first, strict=True)
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--requests", type=int, default=320, help="in a run")
    parser.add_argument("--tasks", type=int, default=1000, help="in a portion")
    parser.add_argument("--only", choices=["web", "queue"])
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    with prepared("small", keep=True) as bench, meter(bench) as measuring:
        if arguments.only != "queue":
            measure_web(bench, measuring, arguments)
        if arguments.only != "web":
            measure_queue(bench, arguments)


if __name__ == "__main__":
    main()
