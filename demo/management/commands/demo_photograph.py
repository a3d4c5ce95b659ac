"""`manage.py demo_photograph`: write a sample photograph to a file."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from demo import photographs


class Command(BaseCommand):
    help = "Write a sample photograph to a file. Like photos of a phone, it is stored rotated and contains metadata."
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--scene", choices=list(photographs.SCENES), default="lake")
        parser.add_argument("--seed", type=int, default=11)

    def handle(self, *args: Any, file: Path, scene: str, seed: int, **options: Any) -> None:
        photo = photographs.take(scene, seed, rotated=True)
        file.write_bytes(photo.jpeg)
        self.stdout.write(f"{file}: {scene}, {len(photo.jpeg):,} bytes, {photo.width} x {photo.height} when displayed")
