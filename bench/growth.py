"""What a page costs while the network grows: `python -m bench.growth` (`make bench-growth`).

Three networks a decade apart, one after the other, each in a process of its own, and in the largest of them readers
who follow ever more people. CPU is given in multiples of a health check on the same servers at the same time, so that
figures of different hours can be compared; pages are those of 8 KiB that PostgreSQL looked at. Exits with 1 if a cost
grows more than it may. The first run loads 2,000,000 posts, unless --decades 2; what is loaded is kept in .state/bench,
unless --fresh.
"""

import argparse
import contextlib
import importlib
import json
import multiprocessing
import random
import statistics
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from itertools import islice
from typing import Any

from rich.console import Console
from rich.table import Table

from bench.data import SIZES
from bench.drawing import lines
from bench.driver import Call, call
from bench.measuring import Meter, Sample, meter
from bench.stack import STATE, Bench, Served, prepared
from bench.targets import Target, print_targets

DECADES = ["hundredth", "tenth", "large"]
FOLLOWED = [50, 500, 5_000]
CONNECTIONS, UNIT = 8, "health check"


@dataclass
class Point:
    """`cost` in health checks; `cpu` in milliseconds of web, database and cache."""

    size: str
    path: str
    cost: float
    cpu: float
    database: float
    pages: float


class Run:
    """All paths on one bench, taking turns with the health check."""

    def __init__(self, size: str, bench: Bench, meter: Meter, arguments: argparse.Namespace) -> None:
        self.size, self.meter, self.arguments = size, meter, arguments
        self.api = Served("api", "config.wsgi", bench)
        self.api.await_answer("/health/live")
        # It imports models, which needs Django to be set up.
        self.walk = importlib.import_module("bench.paths").Walk(bench, self.api, random.Random(arguments.seed))
        self.samples: list[Sample] = []

    def stop(self) -> None:
        self.api.stop()

    def points(self) -> list[Point]:
        for round in range(-1, self.arguments.rounds):
            checks = [[call("GET", "/health/live")] * self.arguments.requests for _ in range(CONNECTIONS)]
            self._measure(UNIT, checks, round)
            for name, readers, calls in self._paths():
                self._measure(name, self._plan(readers, calls), round)
        names = [name for name, _, _ in self._paths()]
        return [self._point(name) for name in names]

    def _paths(self) -> list[tuple[str, list[Any], Callable[[list[Any]], Iterator[Call]]]]:
        """(name, readers, requests). Feeds of readers who follow as many in every network, and of others."""
        walk = self.walk
        ordinary = walk.readers[200]
        others = (
            [count for count in FOLLOWED if count in walk.readers]
            if self.size == DECADES[self.arguments.decades - 1]
            else []
        )
        return [
            ("feed", ordinary, walk.feed),
            ("feed, cold", ordinary, walk.cold),
            ("profile", ordinary, walk.profile),
            ("search users", ordinary, walk.search),
            *((f"feed, {count:,} followed", walk.readers[count], walk.feed) for count in others),
            *((f"feed, cold, {count:,} followed", walk.readers[count], walk.cold) for count in others),
        ]

    def _plan(self, readers: list[Any], calls: Callable[[list[Any]], Iterator[Call]]) -> list[list[Call]]:
        each = self.arguments.requests // CONNECTIONS
        return [list(islice(calls(readers[place::CONNECTIONS]), each)) for place in range(CONNECTIONS)]

    def _measure(self, name: str, calls: list[list[Call]], round: int) -> None:
        sample = self.meter.measure(name, self.api, calls, round=round, seconds=60, counts=True)
        if sample.faults:
            raise RuntimeError(f"{name}: {len(sample.faults)} requests failed: {sample.faults[0]}")
        # The first round warms up.
        if round >= 0:
            self.samples.append(sample)

    def _point(self, name: str) -> Point:
        found = [sample for sample in self.samples if sample.path == name]
        units = {sample.round: sample.total for sample in self.samples if sample.path == UNIT}
        return Point(
            self.size,
            name,
            statistics.median(sample.total / units[sample.round] for sample in found),
            statistics.median(sample.total for sample in found),
            statistics.median(sample.database for sample in found),
            statistics.median(sample.pages for sample in found),
        )


def measured(size: str, arguments: argparse.Namespace) -> list[Point]:
    """In a process that measures nothing else."""
    with contextlib.ExitStack() as up:
        bench = up.enter_context(prepared(size, keep=not arguments.fresh))
        run = Run(size, bench, up.enter_context(meter(bench)), arguments)
        up.callback(run.stop)
        return run.points()


def in_its_own_process(size: str, arguments: argparse.Namespace) -> list[Point]:
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as one:
        return one.submit(measured, size, arguments).result()


def targets(points: list[Point]) -> list[Target]:
    sizes = list(dict.fromkeys(point.size for point in points))
    smallest, largest = SIZES[sizes[0]], SIZES[sizes[-1]]

    def growth(path: str) -> float:
        cost = {point.size: point.cost for point in points if point.path == path}
        return cost[sizes[-1]] / cost[sizes[0]]

    posts = f"{largest.posts:,} posts against {smallest.posts:,}"
    people = f"{largest.people:,} people against {smallest.people:,}"
    return [Target("feed", posts, 1.2, growth("feed")), Target("search users", people, 2.0, growth("search users"))]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--requests", type=int, default=240, help="in a run")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--fresh", action="store_true", help="load anew and keep nothing")
    parser.add_argument("--decades", type=int, choices=[2, 3], default=3, help="2 leaves the largest network out")
    arguments = parser.parse_args()
    points = [point for size in DECADES[: arguments.decades] for point in in_its_own_process(size, arguments)]
    _print(points)
    wanted = targets(points)
    print_targets(wanted, "Growth of the cost")
    told = {"points": [asdict(point) for point in points], "targets": [target.as_dict() for target in wanted]}
    (STATE / "growth.json").write_text(json.dumps(told, indent=1))
    _draw(points)
    print(f"Written to {STATE}/growth.json, growth-posts.svg and growth-followed.svg")
    return 0 if all(target.met for target in wanted) else 1


def _print(points: list[Point]) -> None:
    table = Table(
        "people", "posts", "path", "× health check", "CPU ms", "db ms", "pages", title="Growth, 8 connections"
    )
    for point in points:
        size = SIZES[point.size]
        numbers = (f"{point.cost:.1f}", f"{point.cpu:.2f}", f"{point.database:.2f}", f"{point.pages:.0f}")
        table.add_row(f"{size.people:,}", f"{size.posts:,}", point.path, *numbers)
    Console(width=140).print(table)


def _draw(points: list[Point]) -> None:
    by_posts: dict[str, list[tuple[float, float]]] = {}
    by_followed: dict[str, list[tuple[float, float]]] = {}
    for point in points:
        path, _, followed = point.path.rpartition(", ")
        if followed.endswith("followed"):
            by_followed.setdefault(path, []).append((float(followed.split()[0].replace(",", "")), point.cost))
        else:
            by_posts.setdefault(point.path, []).append((float(SIZES[point.size].posts), point.cost))
    (STATE / "growth-posts.svg").write_text(lines("Cost against the number of posts", "health checks", by_posts))
    (STATE / "growth-followed.svg").write_text(lines("Cost against how many one follows", "health checks", by_followed))


if __name__ == "__main__":
    sys.exit(main())
