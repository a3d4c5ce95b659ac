"""The processes of this installation that run on this machine, read from /proc (Linux; elsewhere: none)."""

import os
import shlex
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path

from django.conf import settings

PROC = Path("/proc")


@dataclass(frozen=True)
class Process:
    """`kind` is its name in the Procfile. `own` is its memory and its share of shared memory (PSS), `resident` all its
    memory (RSS), in bytes."""

    kind: str
    pid: int
    own: int
    resident: int


def running() -> list[Process]:
    """Those that a line of the Procfile has started in this folder for this database, children included."""
    commands = dict(_commands())
    found = []
    for folder in PROC.glob("[0-9]*"):
        # A process may end, or be another user's.
        with suppress(OSError):
            words = tuple((folder / "cmdline").read_bytes().decode(errors="replace").rstrip("\0").split("\0"))
            kind = next((kind for kind, command in commands.items() if words[1 : len(command) + 1] == command), None)
            if kind and (folder / "cwd").resolve() == settings.BASE_DIR and _has_same_database(folder / "environ"):
                found.append(Process(kind, int(folder.name), *_memory(folder / "smaps_rollup")))
    return sorted(found, key=lambda process: (list(commands).index(process.kind), process.pid))


def _has_same_database(environ: Path) -> bool:
    """Several installations may run the same code; each has its own database."""
    variables = dict(variable.partition(b"=")[::2] for variable in environ.read_bytes().split(b"\0"))
    return variables.get(b"DATABASE_URL") == os.environb.get(b"DATABASE_URL")


def _commands() -> Iterator[tuple[str, tuple[str, ...]]]:
    """(kind, the words after the interpreter, up to the first that contains a variable)"""
    for line in (settings.BASE_DIR / "Procfile").read_text().splitlines():
        kind, _, command = line.partition(": ")
        words = shlex.split(command)
        yield kind, tuple(takewhile(lambda word: "$" not in word, words[words.index("python") + 1 :]))


def _memory(rollup: Path) -> tuple[int, int]:
    """(PSS, RSS)"""
    lines = dict(line.split(":", 1) for line in rollup.read_text().splitlines()[1:])
    own, resident = (int(lines[name].split()[0]) * 1024 for name in ("Pss", "Rss"))
    return own, resident
