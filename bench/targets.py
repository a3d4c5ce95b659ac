"""What a benchmark is to reach, and whether it did."""

from dataclasses import asdict, dataclass
from typing import Any

from rich.console import Console
from rich.table import Table


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
