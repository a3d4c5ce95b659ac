"""From a post to the feeds of those who follow its author: `python -m bench.fanout` (`make bench-fanout`).

Everybody who follows the star has a live timeline. Then the star posts, again and again, with a relay and a worker
running; how long until the post stands in the feeds of some of them, who ask for it in turns, and what the push costs
each process. Fails when the post does not come, or the end of its push. Loads the large network, which is kept in
.state/bench, unless --fresh.
"""

import argparse
import contextlib
import importlib
import json
import random
import statistics
import sys
import time
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from rich.console import Console
from rich.table import Table

from bench import data
from bench.driver import Plan, call, drive
from bench.stack import STATE, Bench, Process, Served, Worker, cache_cpu, cpu, prepared

API = "/v1"
SAMPLED = 20
PATIENCE = 60.0  # seconds
PARTS = ("web", "relay", "worker", "database", "cache")


@dataclass
class Post:
    """Seconds from the answer to the author until the post was in the first and in all of the sampled feeds; CPU in
    milliseconds, from before the post until the outbox was empty."""

    first: float
    all: float
    cpu: dict[str, float]


class Run:
    def __init__(self, bench: Bench, arguments: argparse.Namespace) -> None:
        self.bench, self.arguments = bench, arguments
        with bench.database() as connection:
            # What earlier runs have left for a relay.
            connection.execute("TRUNCATE celery_outbox")
        self.api = Served("api", "config.wsgi", bench)
        self.relay = Process("relay", ["django", "relay"], bench)
        self.worker = Worker("worker", bench, queue="feed")
        self.api.await_answer("/health/live")
        # They import models, which needs Django to be set up.
        self.walk = importlib.import_module("bench.paths").Walk(bench, self.api, random.Random(arguments.seed))
        world = bench.world
        first = world.reader_count
        self.followers = [self.walk.signed_in(n) for n in range(first, first + world.size.star)]
        self.star = self.walk.signed_in(world.star)

    def stop(self) -> None:
        for process in (self.worker, self.relay, self.api):
            process.stop()

    def warm(self) -> None:
        calls = [call("GET", f"{API}/feed", token=reader.token) for reader in self.followers]
        outcomes = drive(Plan(self.api.port, [calls[place::8] for place in range(8)], seconds=600))
        if faults := [outcome.fault for outcome in outcomes if outcome.fault]:
            raise SystemExit(f"{len(faults)} feeds could not be read: {faults[0]}")

    def posts(self) -> list[Post]:
        # The first warms up.
        return [self._post() for _ in range(self.arguments.posts + 1)][1:]

    def _post(self) -> Post:
        body = self._body()
        sampled = self.walk.random.sample(self.followers, SAMPLED)
        with self.bench.cache() as cache, self.bench.database() as database:
            before = self._cpu(cache)
            pk = self.walk.ask("POST", "/posts", self.star, body)["id"]
            answered = time.monotonic()
            seen = [moment - answered for moment in self._arrivals(sampled, pk, answered + PATIENCE)]
            while left := _left(database):
                if time.monotonic() > answered + PATIENCE:
                    raise SystemExit(f"{PATIENCE:.0f} s after the post {left} of its pushes are not done.")
                time.sleep(0.02)
            # For the worker to be done with its last task.
            time.sleep(0.3)
            after = self._cpu(cache)
        return Post(min(seen), max(seen), {part: after[part] - before[part] for part in PARTS})

    def _body(self) -> bytes:
        """Of a post, with a photo that is ready."""
        ids = importlib.import_module("apps.core.db.ids")
        pk = ids.new_id()
        when = "2026-01-01T00:00:00+00:00"
        row = data.medium_row(pk.hex, UUID(self.star.id).hex, when, public=False, used=False)
        with self.bench.database() as connection:
            data.copy(connection, "media_media", data.MEDIA, iter([row]))
        return json.dumps({"media_ids": [str(pk)], "caption": "Low tide."}).encode()

    def _arrivals(self, readers: list[Any], pk: str, deadline: float) -> list[float]:
        """When each of them has the post first in the feed: all who do not have it yet are asked in turns, so that
        nobody's arrival is seen only because another's was waited for."""
        moments: list[float] = []
        while readers:
            if time.monotonic() > deadline:
                raise SystemExit(f"{PATIENCE:.0f} s after the post it was not in {len(readers)} of {SAMPLED} feeds.")
            waiting = []
            for reader in readers:
                if self.walk.get("/feed?limit=1", reader)["results"][0]["id"] == pk:
                    moments.append(time.monotonic())
                else:
                    waiting.append(reader)
            readers = waiting
        return moments

    def _cpu(self, cache: Any) -> dict[str, float]:
        pids = (self.api.pid, self.relay.pid, self.worker.pid, self.bench.postgres_pid)
        return dict(zip(PARTS, [*map(cpu, pids), cache_cpu(cache)], strict=True))


def _left(database: Any) -> int:
    """Pushes that are not done."""
    row = database.execute(
        "SELECT count(*) FROM celery_outbox WHERE task_name = 'apps.feed.tasks.push_post'"
    ).fetchone()
    return int(row[0])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", choices=["small", "large"], default="large")
    parser.add_argument("--posts", type=int, default=10)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--fresh", action="store_true", help="load anew and keep nothing")
    arguments = parser.parse_args()
    with contextlib.ExitStack() as up:
        bench = up.enter_context(prepared(arguments.size, keep=not arguments.fresh))
        run = Run(bench, arguments)
        up.callback(run.stop)
        run.warm()
        posts = run.posts()
    table = Table("", "median", "most", title=f"From a post to the feeds of {len(run.followers):,} followers")
    told: dict[str, list[float]] = {
        f"seconds until it is in the first of {SAMPLED} feeds": [post.first for post in posts],
        f"seconds until it is in all of {SAMPLED} feeds": [post.all for post in posts],
        **{f"CPU ms, {part}": [post.cpu[part] for post in posts] for part in PARTS},
    }
    for what, numbers in told.items():
        table.add_row(what, f"{statistics.median(numbers):.2f}", f"{max(numbers):.2f}")
    Console(width=120).print(table)
    print(f"The web and the database have also answered the questions to the {SAMPLED} feeds.")
    file = STATE / "fanout.json"
    file.write_text(json.dumps({"followers": len(run.followers), "posts": told}, indent=1))
    print(f"Written to {file}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
