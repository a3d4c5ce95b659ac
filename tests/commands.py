"""Runs management commands and returns their output and exit code."""

import io
import json
import signal
from dataclasses import dataclass
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from apps.core.db.batches import BatchRunner


@dataclass(frozen=True)
class Outcome:
    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        parsed: dict[str, Any] = json.loads(self.out)
        return parsed


def run(*line: str) -> Outcome:
    """`run("erase_user", "@alice", "--yes")`."""
    out, err = io.StringIO(), io.StringIO()
    try:
        call_command(*line, stdout=out, stderr=err)
        code = 0
    except SystemExit as ended:
        code = int(ended.code or 0)
    except CommandError as error:
        code = 1
        err.write(str(error))
    return Outcome(code, out.getvalue(), err.getvalue())


def interrupt(monkeypatch: pytest.MonkeyPatch, number: signal.Signals = signal.SIGINT, *, times: int = 1) -> None:
    """Simulate Ctrl-C during the first batch."""
    advance = BatchRunner.advance

    def interrupted(runner: BatchRunner, *args: Any, **options: Any) -> None:
        for _ in range(times):
            signal.raise_signal(number)
        advance(runner, *args, **options)

    monkeypatch.setattr(BatchRunner, "advance", interrupted)
