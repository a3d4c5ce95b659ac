"""Where the time of a request goes: `python -m bench.profile [PATH] [--requests N]` (`make flamegraph`).

Asks one path of `bench.load` again and again in this process, through the whole of Django, looks every half millisecond
at what is being done, and writes what it saw as a flame graph: a box is a function, as wide as the share of the time
in which it was there, with those that it calls above it. Prints the functions in which most time goes, too.
"""

import argparse
import contextlib
import importlib
import os
import random
import signal
import sys
from collections import Counter
from collections.abc import Iterator
from html import escape
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

from django.test import Client
from rich.console import Console
from rich.table import Table

from bench.data import SIZES
from bench.driver import Call
from bench.stack import STATE, Served, prepared

INTERVAL = 0.0005  # seconds
WIDTH, HIGH = 1400, 17
Stack = tuple[str, ...]  # outermost first


@contextlib.contextmanager
def watched() -> Iterator[Counter[Stack]]:
    """The stacks that were seen while the block ran, below the function that holds it."""
    looks: Counter[tuple[CodeType, ...]] = Counter()
    seen: Counter[Stack] = Counter()
    outside = _depth(sys._getframe()) - 1

    def look(number: int, frame: FrameType | None) -> None:
        stack = []
        while frame:
            stack.append(frame.f_code)
            frame = frame.f_back
        if len(stack) > outside:
            looks[tuple(reversed(stack[: len(stack) - outside]))] += 1

    former = signal.signal(signal.SIGALRM, look)
    signal.setitimer(signal.ITIMER_REAL, INTERVAL, INTERVAL)
    try:
        yield seen
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, former)
        for codes, count in looks.items():
            seen[tuple(map(_label, codes))] += count


def _depth(frame: FrameType | None) -> int:
    depth = 0
    while frame:
        depth, frame = depth + 1, frame.f_back
    return depth


def _label(code: CodeType) -> str:
    file = code.co_filename.rpartition("site-packages/")[2].removeprefix(str(STATE.parents[1]) + "/")
    return f"{file.removeprefix(sys.prefix)}:{code.co_qualname}"


def flame_graph(seen: Counter[Stack], title: str) -> str:
    """As SVG, the outermost function at the bottom."""
    total, deepest = sum(seen.values()), max(map(len, seen), default=0)
    height = (deepest + 3) * HIGH
    boxes = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" '
        'font-family="system-ui, sans-serif" font-size="11"><rect width="100%" height="100%" fill="#fff"/>',
        f'<text x="8" y="14" font-size="13">{escape(title)}</text>',
    ]

    def draw(stacks: list[tuple[Stack, int]], depth: int, x: float) -> None:
        grouped: dict[str, list[tuple[Stack, int]]] = {}
        for stack, count in stacks:
            if len(stack) > depth:
                grouped.setdefault(stack[depth], []).append((stack, count))
        for label, inside in sorted(grouped.items()):
            share = sum(count for _, count in inside) / total
            if share * WIDTH > 1:
                boxes.append(_box(label, x, height - (depth + 1) * HIGH, share))
                draw(inside, depth + 1, x)
            x += share * WIDTH

    draw(list(seen.items()), 0, 0.0)
    return "\n".join([*boxes, "</svg>", ""])


def _box(label: str, x: float, y: float, share: float) -> str:
    wide = share * WIDTH
    name = label.rpartition(":")[2]
    text = name if len(name) * 6 < wide else ""
    return (
        f'<g><title>{escape(label)} {share:.1%}</title><rect x="{x:.1f}" y="{y:.0f}" width="{wide:.1f}" '
        f'height="{HIGH - 1}" fill="{_colour(label)}"/><text x="{x + 3:.1f}" y="{y + 12:.0f}">{escape(text)}</text></g>'
    )


def _colour(label: str) -> str:
    """Ours, Django's, the database's, Redis', all else."""
    colours = {"apps/": "#e0894a", "config/": "#e0894a", "django/": "#8fbf7f", "rest_framework/": "#b7d38d"}
    colours |= {"psycopg": "#7fa8d0", "redis/": "#c98a9f"}
    return next((colour for beginning, colour in colours.items() if label.startswith(beginning)), "#cfcfcf")


def print_top(seen: Counter[Stack], title: str, rows: int = 25) -> None:
    total = sum(seen.values()) or 1
    own: Counter[str] = Counter()
    within: Counter[str] = Counter()
    for stack, count in seen.items():
        own[stack[-1]] += count
        for label in set(stack):
            within[label] += count
    table = Table("within", "%", "itself", "%", title=title)
    inner = [(label, count) for label, count in within.most_common() if count < total * 0.95]
    for (one, a), (two, b) in zip(inner[:rows], own.most_common(rows), strict=False):
        table.add_row(one, f"{a / total:.1%}", two, f"{b / total:.1%}")
    Console(width=180).print(table)


def ask(client: Client, each: Call) -> int:
    """The request of a call, without the wire."""
    head, _, body = each.request.partition(b"\r\n\r\n")
    line, *lines = head.decode().split("\r\n")
    method, path, _ = line.split()
    headers = dict(line.split(": ", 1) for line in lines)
    kind = headers.pop("Content-Type", "application/json")
    headers.pop("Content-Length", None)
    return client.generic(method, path, body, kind, headers=headers).status_code


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("path", nargs="?", default="feed, first page", help="its name in the table of bench.load")
    parser.add_argument("--size", choices=list(SIZES), default="small")
    parser.add_argument("--requests", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", action="store_true", help="keep the loaded data, and take what was kept")
    arguments = parser.parse_args()
    with contextlib.ExitStack() as up:
        bench = up.enter_context(prepared(arguments.size, keep=arguments.keep))
        api = Served("api", "config.wsgi", bench)
        up.callback(api.stop)
        api.await_answer("/health/live")
        # It imports models, which needs Django to be set up.
        walk = importlib.import_module("bench.paths").Walk(bench, api, random.Random(arguments.seed))
        known = {path.name: path for path in walk.all()}
        if arguments.path not in known:
            parser.error(f"no path {arguments.path!r}; there is: {', '.join(known)}")
        calls: list[Call] = walk.plan(known[arguments.path], 1, arguments.requests)[0]
        client = Client(raise_request_exception=False, SERVER_NAME="127.0.0.1")
        with _output_into(bench.folder / "logs" / "profile.log"):
            seen, failed = _seen(client, calls)
    title = f"{arguments.path}: {len(calls)} requests, {sum(seen.values())} looks"
    print_top(seen, title)
    file = STATE / f"flame-{arguments.path.replace(', ', '-').replace(' ', '-')}.svg"
    file.write_text(flame_graph(seen, title))
    print(f"Written to {file}; {failed} requests failed.")
    return 1 if failed else 0


@contextlib.contextmanager
def _output_into(file: Path) -> Iterator[None]:
    """What is logged is written to a file, as a service's is."""
    sys.stdout.flush()
    kept = os.dup(1), os.dup(2)
    with file.open("wb") as log:
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
    try:
        yield
    finally:
        sys.stdout.flush()
        for number, descriptor in enumerate(kept, 1):
            os.dup2(descriptor, number)
            os.close(descriptor)


def _seen(client: Client, calls: list[Call]) -> tuple[Counter[Stack], int]:
    """The first tenth goes unwatched."""
    warm, measured = calls[: len(calls) // 10], calls[len(calls) // 10 :]
    answers: list[Any] = [ask(client, each) for each in warm]
    with watched() as seen:
        answers += [ask(client, each) for each in measured]
    return seen, sum(1 for status in answers if not 200 <= status < 300)


if __name__ == "__main__":
    sys.exit(main())
