"""Two versions of the code against each other: `python -m bench.compare FOLDER` (`make bench-compare BASE=v1`).

Both are served from their folders on the same small network, and take turns with each path, so that whatever else the
machine does meets both. Prints what they cost, and the one as a share of the other: medians over the rounds.
"""

import argparse
import contextlib
import importlib
import random
import statistics
import sys
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from bench.driver import Call
from bench.measuring import Meter, Sample, meter
from bench.stack import ROOT, Bench, Served, prepared

CONNECTIONS = 8
WARMING = 320


class Version:
    """One of the two."""

    def __init__(self, name: str, folder: Path, bench: Bench, seed: int) -> None:
        self.api = Served(f"{name}-api", "config.wsgi", bench, root=folder)
        self.api.await_answer("/health/live")
        paths = importlib.import_module("bench.paths")
        self.undone = paths.undone
        self.walk = paths.Walk(bench, self.api, random.Random(seed))
        self.samples: dict[str, list[Sample]] = {}

    def stop(self) -> None:
        self.api.stop()

    def measure(self, meter: Meter, name: str, *, count: int, round: int) -> None:
        path = next(path for path in self.walk.all() if path.name == name)
        plan = self.walk.plan(path, CONNECTIONS, count)
        self._run(meter, name, self.api, plan, round)
        if name in {"like", "follow"}:
            self._run(meter, f"un{name}", self.api, self.undone(plan), round)

    def _run(self, meter: Meter, name: str, served: Served, calls: list[list[Call]], round: int) -> None:
        sample = meter.measure(name, served, calls, round=round, seconds=60, counts=False)
        if sample.faults:
            print(f"{name}: {len(sample.faults)} of {sample.requests} failed: {sample.faults[0]}", file=sys.stderr)
        if round >= 0:
            self.samples.setdefault(name, []).append(sample)


def show(before: Version, after: Version) -> None:
    table = Table(title=f"{CONNECTIONS} connections; milliseconds of CPU per request, before and after")
    for head in ("path", "web", "db", "CPU", "req/s", "web", "db", "CPU", "req/s", "CPU, share"):
        table.add_column(head, justify="left" if head == "path" else "right")
    for name, samples in before.samples.items():
        others = after.samples[name]
        share = statistics.median(b.total / a.total for a, b in zip(samples, others, strict=True))
        table.add_row(name, *_medians(samples), *_medians(others), f"{share:.2f}")
    Console(width=120).print(table)


def _medians(samples: list[Sample]) -> list[str]:
    def median(number: str) -> Any:
        return statistics.median(getattr(sample, number) for sample in samples)

    return [*(f"{median(number):.2f}" for number in ("web", "database", "total")), f"{median('per_second'):.0f}"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="a checkout of the version before")
    parser.add_argument("--paths", default="feed, first page;profile;like", help="names of bench.load, by semicolons")
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--requests", type=int, default=240, help="in a run")
    arguments = parser.parse_args()
    names = arguments.paths.split(";")
    with contextlib.ExitStack() as up:
        bench = up.enter_context(prepared("small", keep=True))
        measuring = up.enter_context(meter(bench))
        versions = [
            Version(name, folder, bench, seed)
            for seed, (name, folder) in enumerate([("before", arguments.folder.resolve()), ("after", ROOT)])
        ]
        for version in versions:
            up.callback(version.stop)
        for round in range(-1, arguments.rounds):
            for name in names:
                # Whoever comes second finds warmer servers.
                for version in versions if round % 2 else reversed(versions):
                    count = arguments.requests if round >= 0 else WARMING
                    version.measure(measuring, name, count=count, round=round)
        show(*versions)


if __name__ == "__main__":
    main()
