"""The performance limits, and whether a benchmark meets them. `docs/performance.md` explains them."""

from dataclasses import asdict, dataclass
from typing import Any

from rich.console import Console
from rich.table import Table

# path -> CPU per request at most, as a share of that of the feed of the DRF baseline in the same run.
CPU = {
    "feed, first page": 0.18,
    "profile": 0.15,
    "single post": 0.15,
    "notifications": 0.15,
    **dict.fromkeys(("like", "unlike", "follow", "unfollow"), 0.25),
    **dict.fromkeys(("comment", "create post"), 0.35),
    "search users": 0.30,
}
# path -> SQL statements per request at most.
READS = ("feed, first page", "profile", "single post", "notifications", "search users")
WRITES = ("like", "unlike", "follow", "unfollow", "comment", "create post")
STATEMENTS = dict.fromkeys(READS, 2) | dict.fromkeys(WRITES, 6) | {"feed page (web)": 4}
# CPU of the first page of the feed as HTML at most, as a multiple of that of the API's.
PAGE_CPU = 2.5
# Round trips to Redis per request at most, of every path above.
REDIS_ROUND_TRIPS = 3
# Megabytes that an API worker shares with no other process, after 5,000 requests or more.
WORKER_MEMORY = 150


@dataclass
class Target:
    path: str
    what: str
    limit: float
    measured: float

    @property
    def met(self) -> bool:
        return self.measured <= self.limit

    def as_dict(self) -> dict[str, Any]:
        return asdict(self) | {"met": self.met}


def print_targets(targets: list[Target], title: str) -> None:
    table = Table("path", "what", "at most", "measured", "", title=title)
    for target in targets:
        verdict = "met" if target.met else "MISSED"
        table.add_row(target.path, target.what, f"{target.limit:g}", f"{target.measured:.2f}", verdict)
    Console(width=140).print(table)
