"""What PostgreSQL alone takes for statements of hot pages, asked again and again by one session: `python -m
bench.statements [--size small|large]` (`make bench-statements`).

Nothing else is asked meanwhile, so that this is what they cost at best; behind the API the processor's caches are
others' in between. Blocks are made for the test, and rolled back.
"""

import argparse
import contextlib
import importlib
import sys
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any
from unittest import mock
from uuid import UUID

from django.db import connection, transaction
from rich.console import Console
from rich.table import Table

from bench.data import SIZES
from bench.stack import Bench, cpu, prepared

BLOCKS = [0, 10, 100, 1_000, 10_000]
_BLOCK = """
INSERT INTO social_block (id, blocker_id, blocked_id)
SELECT gen_random_uuid(), id, %(viewer)s FROM accounts_user AS person
WHERE id <> %(viewer)s AND NOT EXISTS (
    SELECT 1 FROM social_follow WHERE follower_id = %(viewer)s AND followed_id = person.id
) LIMIT %(number)s
"""


class Statements:
    """Of one reader who follows as many as most do, and of one who follows the most."""

    def __init__(self, bench: Bench) -> None:
        self.timeline = importlib.import_module("apps.feed.timeline")
        self.posts = importlib.import_module("apps.engagement.reads")
        self.notifications = importlib.import_module("apps.notifications.reads")
        self.posts_in_feed = importlib.import_module("apps.feed.api.views").POSTS_IN_FEED
        world, followed = bench.world, bench.world.readers
        self.ordinary, self.heavy = (UUID(world.person(followed[n][0])) for n in (min(followed), max(followed)))
        self.ids = self.timeline.newest_ids(self.ordinary, limit=21)

    def all(self) -> Iterator[tuple[str, Callable[[], object], int]]:
        """(what it is, how it is asked, how often)."""
        yield "a post", partial(self.posts.post, self.ids[0], self.ordinary), 4000
        for number in BLOCKS:
            with transaction.atomic():
                self._block(number)
                times = 2000 if number <= 100 else 50
                yield f"a page of the feed, {number:,} blocks", self._page, times
                yield f"a page of notifications, {number:,} blocks", self._told, times
                transaction.set_rollback(True)
        for name, reader in (("the ordinary", self.ordinary), ("the heavy", self.heavy)):
            ids = partial(self.timeline.newest_ids, reader, limit=120)
            yield f"120 ids of the feed, {name} reader", ids, 400
            with mock.patch.object(self.timeline, "SCAN_WORTH", float("inf")):
                yield f"the same, every note looked up, {name} reader", ids, 400

    def _block(self, number: int) -> None:
        with connection.cursor() as cursor:
            cursor.execute(_BLOCK, {"viewer": self.ordinary, "number": number})
            cursor.execute("ANALYZE social_block")

    def _page(self) -> Any:
        return self.posts.posts(self.ids, self.ordinary, visible=self.posts_in_feed)

    def _told(self) -> Any:
        return self.notifications.list_notifications(self.ordinary, limit=21)


def cost(ask: Callable[[], object], times: int) -> float:
    """Milliseconds of the session's process for each."""
    # Otherwise each would borrow a session of the pool, one or another.
    connection.ensure_connection()
    for _ in range(max(times // 20, 5)):
        ask()
    pid = connection.connection.info.backend_pid
    before = cpu(pid)
    for _ in range(times):
        ask()
    return (cpu(pid) - before) / times


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", choices=list(SIZES), default="small")
    parser.add_argument("--keep", action="store_true", help="keep the loaded data, and take what was kept")
    arguments = parser.parse_args()
    table = Table("statement", "ms of PostgreSQL", title=f"{arguments.size} network; one session, one statement")
    with contextlib.ExitStack() as up:
        bench = up.enter_context(prepared(arguments.size, keep=arguments.keep))
        for name, ask, times in Statements(bench).all():
            table.add_row(name, f"{cost(ask, times):.2f}")
    Console(width=100).print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main())
