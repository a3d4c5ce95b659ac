"""Fill an empty installation with a believable world."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from demo import world
from demo.plan import SIZES

LOGINS = {
    "alice": "photographs mountains, followed by many",
    "bob": "follows alice",
    "carol": "has a private account, with two people waiting",
    world.MODERATOR: "moderator",
    world.SENIOR: "senior moderator",
    world.ADMIN: "administrator of the console",
}


class Command(BaseCommand):
    help = (
        "People, follows, posts of photographs, likes, comments and reports. Safe to run twice; refuses in production."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--size", choices=list(SIZES), default="small")
        parser.add_argument("--seed", type=int, default=1, help="the same seed makes the same world")
        parser.add_argument("--logins", action="store_true", help="only print who can sign in")

    def handle(self, *args: Any, size: str, seed: int, logins: bool, **options: Any) -> None:
        if settings.PRODUCTION:
            raise CommandError("Demo data has no place in production.")
        if not logins:
            self._build(size, seed)
        self._print_logins()

    @staticmethod
    def _build(size: str, seed: int) -> None:
        columns = [TextColumn("{task.description:12}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()]
        with Progress(*columns, console=Console(stderr=True)) as progress:
            world.build(SIZES[size], seed, track=progress.track)

    def _print_logins(self) -> None:
        self.stdout.write(f"Demo logins, all with the password {world.PASSWORD}")
        for handle, who in LOGINS.items():
            self.stdout.write(f"  {handle:<7} {who}")
