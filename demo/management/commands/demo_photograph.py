"""Write one of the demo world's photographs to a file."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from demo import photographs


class Command(BaseCommand):
    help = "Write a photograph to a file, turned and full of metadata as telephones write them."
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--scene", choices=list(photographs.SCENES), default="lake")
        parser.add_argument("--seed", type=int, default=11)

    def handle(self, *args: Any, file: Path, scene: str, seed: int, **options: Any) -> None:
        taken = photographs.take(scene, seed, on_its_side=True)
        file.write_bytes(taken.jpeg)
        self.stdout.write(f"{file}: {scene}, {len(taken.jpeg):,} bytes, {taken.width} x {taken.height} once upright")
