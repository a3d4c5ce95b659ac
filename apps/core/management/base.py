"""The base class of management commands for operators."""

import abc
import json
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser, DjangoHelpFormatter
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from apps.core.db.batches import BatchRunner, Checkpoint
from apps.core.errors import DomainError

# The exit code of a program that was interrupted.
STOPPED = 130
# At most so many findings are listed; totals include all of them.
LISTED = 100
Result = dict[str, Any]
T = TypeVar("T")


class _Help(DjangoHelpFormatter):
    """Keeps the line breaks of examples."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        return text if "\n" in text else super()._fill_text(text, width, indent)


class OperatorCommand(BaseCommand, abc.ABC):
    """A command that reports what it did, to people or (`--json`) to programs, and can be stopped.

    `work` returns the result, ready for JSON; `format_result` returns it as lines of text. Refusals and CommandErrors
    are a line on stderr and exit code 1. After Ctrl-C or SIGTERM the current batch is completed, the result so far is
    printed, and the exit code is 130. A second Ctrl-C ends the command at once.
    """

    # Command lines with descriptions.
    examples = ""
    # Whether the command changes anything and therefore has the option --dry-run.
    changes = True
    # Whether the command can be stopped between two batches. If not, a signal interrupts and undoes it.
    in_batches = True

    def create_parser(self, prog_name: str, subcommand: str, **options: Any) -> CommandParser:
        epilog = f"examples:{self.examples.rstrip()}" if self.examples else None
        return super().create_parser(prog_name, subcommand, epilog=epilog, formatter_class=_Help, **options)

    def add_arguments(self, parser: CommandParser) -> None:
        self.add_options(parser)
        if self.changes:
            parser.add_argument("--dry-run", action="store_true", help="only report what would be done")
        parser.add_argument(
            "--json", action="store_true", dest="as_json", help="print the result as JSON, for programs"
        )

    def add_options(self, parser: CommandParser) -> None:
        """Add the options of the command."""

    @abc.abstractmethod
    def work(self, *args: Any, **options: Any) -> Result:
        """Run the command and return its result."""

    @abc.abstractmethod
    def format_result(self, result: Result) -> Iterable[str]:
        """The result as lines of text."""

    # ── How it runs ──────────────────────────────────────────────────────────────────────────────────────
    def handle(self, *args: Any, as_json: bool, **options: Any) -> None:
        self.runner = BatchRunner(rows_per_second=settings.MAINTENANCE_ROWS_PER_SECOND, on_progress=self._advance)
        self._bar: Callable[[int], None] = lambda rows: None
        options.setdefault("dry_run", False)
        try:
            with self._signals():
                result = self.work(**options)
        except DomainError as refusal:
            raise CommandError(_message_of(refusal)) from refusal
        except KeyboardInterrupt:
            self.stderr.write("Interrupted. The current batch was rolled back; earlier batches are complete.")
            sys.exit(STOPPED)
        stopped = not self.runner.has_time()
        self._print(result | {"dry_run": options["dry_run"], "stopped": stopped}, as_json=as_json)
        if stopped:
            sys.exit(STOPPED)

    def _print(self, result: Result, *, as_json: bool) -> None:
        if as_json:
            self.stdout.write(json.dumps(result, indent=2, default=str))
            return
        if result["dry_run"]:
            self.stdout.write("Dry run: nothing was changed.")
        for line in self.format_result(result):
            self.stdout.write(line)
        if result["stopped"]:
            self.stdout.write("Stopped early. The result above is complete up to this point.")

    @contextmanager
    def _signals(self) -> Iterator[None]:
        """Handle SIGINT and SIGTERM, which only the main thread of a process can do."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.signal(number, self._stop) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _stop(self, *_: object) -> None:
        if not self.in_batches or not self.runner.has_time():
            raise KeyboardInterrupt
        self.runner.stop()

    # ── Progress ─────────────────────────────────────────────────────────────────────────────────────────
    @contextmanager
    def progress(self, what: str, total: int | None = None) -> Iterator[None]:
        """A bar on stderr, if that is a terminal, which moves with every step of the runner."""
        columns = [TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()]
        console = Console(stderr=True)
        with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as bars:
            bar = bars.add_task(what, total=total)
            self._bar = lambda rows: bars.advance(bar, rows)
            yield

    def part_by_part(self, what: str, parts: Sequence[T]) -> Iterator[T]:
        """Each of `parts`, with a bar, until the command is to stop."""
        with self.progress(what, len(parts)):
            for part in parts:
                if not self.runner.has_time():
                    return
                yield part
                self.runner.advance(1)

    def _advance(self, rows: int, checkpoint: Checkpoint) -> None:
        self._bar(rows)


def _message_of(refusal: DomainError) -> str:
    """The message, with the invalid fields, if any."""
    return "\n".join(
        [str(refusal.detail), *(f"{error['field']}: {error['message']}" for error in refusal.extra.get("errors", []))]
    )
