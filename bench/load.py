"""What the hot endpoints cost, against two baselines in the same run: `python -m bench.load [--size small|large]`
(`make bench`).

Starts PostgreSQL and Valkey, loads a network of that size, and serves it as in production; then sends requests over 8
connections and over 1, in several rounds in which the paths take turns with the baselines. Prints the costs and how
they stand against the targets, writes both to .state/bench, and exits with 1 if a target is missed or a request failed.
"""

import argparse
import contextlib
import functools
import importlib
import json
import os
import platform
import random
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from bench.data import SIZES
from bench.drawing import bars
from bench.driver import Call, call
from bench.measuring import Meter, Sample, meter
from bench.stack import STATE, Bench, Served, prepared, private_memory
from bench.targets import CPU, PAGE_CPU, REDIS_ROUND_TRIPS, STATEMENTS, WORKER_MEMORY, Target, print_targets

CONNECTIONS = (8, 1)
DRF, RAW = "DRF feed", "raw SQL feed"
# Two processes have up to ten sessions each.
WARMING = 160
SECONDS = 60.0  # a run that takes longer is cut short


class Run:
    """All rounds on one bench."""

    def __init__(self, bench: Bench, meter: Meter, arguments: argparse.Namespace) -> None:
        self.meter = meter
        self.arguments = arguments
        self.servers = {
            "api": Served("api", "config.wsgi", bench),
            RAW: Served("raw", "bench.baselines.raw", bench),
            DRF: Served(
                "drf",
                "django.core.wsgi:get_wsgi_application()",
                bench,
                DJANGO_SETTINGS_MODULE="bench.baselines.drf_settings",
            ),
        }
        self.samples: list[Sample] = []
        for name, served in self.servers.items():
            served.await_answer("/health/live" if name == "api" else "/")
        with bench.database() as connection:
            # What earlier runs have left for the relay, which does not run.
            connection.execute("TRUNCATE celery_outbox")
        # It imports models, which needs Django to be set up.
        self.paths = importlib.import_module("bench.paths")
        self.walk = self.paths.Walk(bench, self.servers["api"], random.Random(arguments.seed))
        chosen = [path for path in self.walk.all() if not arguments.only or arguments.only in path.name]
        self.chosen = chosen

    def stop(self) -> None:
        for served in self.servers.values():
            served.stop()

    def all(self) -> None:
        self._warm_up()
        for round in range(self.arguments.rounds):
            print(f"Round {round + 1} of {self.arguments.rounds} …", flush=True)
            for connections in CONNECTIONS:
                for place, path in enumerate(self.chosen):
                    if place % 6 == 0:
                        self._baselines(connections, round)
                    self._path(path, connections, round)

    def _count(self, connections: int) -> int:
        """Requests in a run: fewer when they come one by one, which is for the times."""
        return int(self.arguments.requests) // (1 if connections > 1 else 4)

    def _warm_up(self) -> None:
        """Every path so often that each session of the database has been asked, so that nothing is measured that
        happens only once: a session plans a statement when it is first asked, and the pools take turns with theirs."""
        for connections in CONNECTIONS:
            for path in self.chosen:
                self._path(path, connections, round=-1, count=WARMING)
            self._baselines(connections, round=-1)
        self.samples.clear()

    def _path(self, path: Any, connections: int, round: int, count: int = 0) -> None:
        plan = self.walk.plan(path, connections, count or self._count(connections))
        self._measure(path.name, "api", plan, round)
        if path.name in {"like", "follow"}:
            self._measure(f"un{path.name}", "api", self.paths.undone(plan), round)

    def _baselines(self, connections: int, round: int) -> None:
        count = self._count(connections)
        feeds = self.paths.Path("", lambda readers: _feeds(readers))
        for name in (DRF, RAW):
            self._measure(name, name, self.walk.plan(feeds, connections, count), round)

    def _measure(self, name: str, server: str, calls: list[list[Call]], round: int) -> None:
        served = self.servers[server]
        sample = self.meter.measure(name, served, calls, round=round, seconds=SECONDS, counts=server == "api")
        self.samples.append(sample)
        if sample.faults:
            print(f"  {name}: {len(sample.faults)} of {sample.requests} failed: {sample.faults[0]}", file=sys.stderr)


def _feeds(readers: list[Any]) -> Iterator[Call]:
    while True:
        yield from (call("GET", "/feed", token=reader.token) for reader in readers)


# ── What it comes to ─────────────────────────────────────────────────────────────────────────────────────
NUMBERS = ["per_second", "p50", "p95", "p99", "web", "database", "cache", "total", "sql", "trips", "redis"]


@dataclass
class Row:
    """Medians over the rounds. Other work on the machine slows what is measured at the same time: ratios are taken
    within a round."""

    path: str
    connections: int
    numbers: dict[str, float | None]
    to_drf: float
    to_raw: float


class Results:
    def __init__(self, samples: list[Sample], worker_memory: float) -> None:
        """`worker_memory`: megabytes of the largest API worker at the end of the run."""
        self.samples = samples
        self.worker_memory = worker_memory
        self._paths = list(dict.fromkeys(sample.path for sample in samples))

    def of(self, path: str, connections: int, round: int | None = None) -> list[Sample]:
        return [
            sample
            for sample in self.samples
            if sample.path == path and sample.connections == connections and round in {None, sample.round}
        ]

    def ratio(self, path: str, other: str, connections: int = CONNECTIONS[0]) -> float:
        """Of their costs."""
        rounds = sorted({sample.round for sample in self.of(path, connections)})
        costs = [
            tuple(statistics.mean(s.total for s in self.of(each, connections, round)) for each in (path, other))
            for round in rounds
        ]
        return statistics.median(one / (two or 1e-9) for one, two in costs)

    def median(self, path: str, number: str, connections: int = CONNECTIONS[0]) -> float | None:
        found = [getattr(sample, number) for sample in self.of(path, connections)]
        return None if None in found else statistics.median(found)

    def number(self, path: str, name: str) -> float:
        """Per request, to a tenth: a cache that expires during a run adds some."""
        return round(self.median(path, name) or 0.0, 1)

    def rows(self, connections: int) -> list[Row]:
        return [
            Row(
                path,
                connections,
                {number: self.median(path, number, connections) for number in NUMBERS},
                self.ratio(path, DRF, connections),
                self.ratio(path, RAW, connections),
            )
            for path in self._paths
        ]

    def targets(self) -> list[Target]:
        """Those of the paths that were measured."""
        found = [wanted for wanted in _wanted(self) if set(wanted[0].split(" | ")) <= set(self._paths)]
        targets = [Target(path, what, limit, measured()) for path, what, limit, measured in found]
        failed = sum(len(sample.faults) for sample in self.samples)
        return [
            *targets,
            Target("API worker", "memory in MB", WORKER_MEMORY, self.worker_memory),
            Target("all", "requests that failed", 0, failed),
        ]


def _wanted(results: Results) -> Iterator[tuple[str, str, float, Callable[[], float]]]:
    """(path, or several by " | "; what; at most; how it is found)."""
    for path, limit in CPU.items():
        yield path, f"CPU against the {DRF}", limit, lambda path=path: results.ratio(path, DRF)  # type: ignore[misc]
    for path, limit in STATEMENTS.items():
        yield path, "SQL statements", limit, functools.partial(results.number, path, "sql")
        yield path, "round trips to Redis", REDIS_ROUND_TRIPS, functools.partial(results.number, path, "redis")
    feed = "feed, first page"
    page = "feed page (web)"
    yield f"{page} | {feed}", "CPU of the one against the other", PAGE_CPU, lambda: results.ratio(page, feed)
    heavy = max((s.path for s in results.samples if s.path.endswith("followed") and "cold" not in s.path), default="")
    cold = heavy.replace("feed, ", "feed, cold, ")
    yield f"{heavy} | {feed}", "CPU of the one against the other", 1.15, lambda: results.ratio(heavy, feed)
    yield f"{cold} | {heavy}", "CPU of the one against the other", 2.5, lambda: results.ratio(cold, heavy)


# ── On paper ─────────────────────────────────────────────────────────────────────────────────────────────
def print_rows(rows: list[Row], title: str) -> None:
    table = Table(title=title)
    heads = "req/s p50 p95 p99 web db cache CPU SQL trips redis ×DRF ×raw"
    table.add_column("path")
    for head in heads.split():
        table.add_column(head, justify="right")
    for row in rows:
        shown = [_figure(number, row.numbers[number]) for number in NUMBERS]
        table.add_row(row.path, *shown, f"{row.to_drf:.2f}", f"{row.to_raw:.2f}")
    Console(width=140).print(table)


def _figure(number: str, value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:.0f}" if number == "per_second" else f"{value:.1f}" if number[0] in "pst" else f"{value:.2f}"


def machine() -> dict[str, Any]:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    model = next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), "")
    return {"cores": os.cpu_count(), "processor": model, "python": platform.python_version(), "load": os.getloadavg()}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", choices=["small", "large"], default="small")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--requests", type=int, default=480, help="in a run over 8 connections")
    parser.add_argument("--only", default="", help="paths with this in their names")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", action="store_true", help="keep the loaded data, and take what was kept")
    parser.add_argument("--no-targets", action="store_true", help="exit with 0 though a target is missed")
    arguments = parser.parse_args()
    began, before = time.monotonic(), machine()
    with contextlib.ExitStack() as up:
        bench = up.enter_context(prepared(arguments.size, keep=arguments.keep))
        run = Run(bench, up.enter_context(meter(bench)), arguments)
        up.callback(run.stop)
        run.all()
        results = Results(run.samples, private_memory(run.servers["api"].pid))
    size = SIZES[arguments.size]
    for connections in CONNECTIONS:
        title = f"{size.people:,} people, {size.posts:,} posts; {connections} connection{'s' * (connections > 1)}"
        print_rows(results.rows(connections), f"{title}; milliseconds, CPU per request")
    targets = results.targets()
    print_targets(targets, "Targets, over 8 connections")
    _write(arguments, before, results, targets)
    print(f"{time.monotonic() - began:.0f} s in all; written to {STATE}/load-{arguments.size}.json and .svg")
    return 0 if arguments.no_targets or all(target.met for target in targets) else 1


def _write(arguments: argparse.Namespace, machine: dict[str, Any], results: Results, targets: list[Target]) -> None:
    rows = [row for connections in CONNECTIONS for row in results.rows(connections)]
    file = STATE / f"load-{arguments.size}.json"
    told = {
        "arguments": vars(arguments),
        "machine": machine,
        "rows": [asdict(row) for row in rows],
        "targets": [target.as_dict() for target in targets],
        "samples": [asdict(sample) for sample in results.samples],
    }
    file.write_text(json.dumps(told, indent=1))
    drawn = {
        row.path: {name: row.numbers[name] or 0.0 for name in ("web", "database", "cache")}
        for row in results.rows(CONNECTIONS[0])
    }
    file.with_suffix(".svg").write_text(bars(f"CPU per request, {arguments.size}", "milliseconds", drawn))


if __name__ == "__main__":
    sys.exit(main())
