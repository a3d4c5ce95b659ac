"""`manage.py demo_data`: create sample data."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from demo import loader
from demo.plan import SIZES

LOGINS = {
    "alice": "photographs mountains, has many followers",
    "bob": "follows alice",
    "carol": "has a private account and two follow requests",
    loader.MODERATOR: "moderator",
    loader.SENIOR: "senior moderator",
    loader.ADMIN: "administrator",
}


class Command(BaseCommand):
    help = (
        "Create sample data: people, follows, posts, likes, comments and reports. Safe to run twice. Refuses to run in "
        "production."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--size", choices=list(SIZES), default="small")
        parser.add_argument("--seed", type=int, default=1, help="the same seed gives the same data")
        parser.add_argument("--logins", action="store_true", help="only print the demo logins")

    def handle(self, *args: Any, size: str, seed: int, logins: bool, **options: Any) -> None:
        if settings.PRODUCTION:
            raise CommandError("demo_data refuses to run in production.")
        if not logins:
            self._load(size, seed)
        self._print_logins()

    @staticmethod
    def _load(size: str, seed: int) -> None:
        columns = [TextColumn("{task.description:12}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()]
        with Progress(*columns, console=Console(stderr=True)) as progress:
            loader.load(SIZES[size], seed, track=progress.track)

    def _print_logins(self) -> None:
        self.stdout.write(f"Demo logins (password: {loader.PASSWORD})")
        for handle, who in LOGINS.items():
            self.stdout.write(f"  {handle:<7} {who}")
