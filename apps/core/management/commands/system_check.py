"""`manage.py system_check`: runs the system checks of the installation and suggests an action for each finding."""

import sys
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from itertools import groupby
from typing import Any

from django.core import checks

from apps.core.management.base import OperatorCommand, Result
from apps.core.ops import installation, processes


class Command(OperatorCommand):
    help = (
        "Check settings, servers, migrations, buckets, clocks and jobs, and suggest an action for each finding. Writes "
        "two small objects into storage and deletes them; changes nothing else. The exit code is 1 if there is an "
        "error. The last section lists the memory of each process of this installation on this machine."
    )
    examples = """
  manage.py system_check            for people
  manage.py system_check --json     for programs
"""
    changes = False
    in_batches = False
    # The command runs them itself and reports their messages.
    requires_system_checks = []

    def handle(self, *args: Any, **options: Any) -> None:
        super().handle(*args, **options)
        if self._has_errors:
            sys.exit(1)

    def work(self, **options: Any) -> Result:
        messages = installation.run_checks()
        self._has_errors = any(message.is_serious() for message in messages)
        return {"findings": list(map(_finding, messages)), "processes": list(map(asdict, processes.running()))}

    def format_result(self, result: Result) -> Iterable[str]:
        styles = {
            "ok": self.style.SUCCESS,
            "skipped": self.style.NOTICE,
            "warning": self.style.WARNING,
            "error": self.style.ERROR,
        }
        width = max((len(finding["subject"]) for finding in result["findings"]), default=0)
        for finding in result["findings"]:
            severity = styles[finding["severity"]](f"{finding['severity']:<7}")
            identifier = f" ({finding['id']})" if finding["severity"] in {"warning", "error"} else ""
            yield f"{severity} {finding['subject']:<{width}} {finding['message']}{identifier}"
            if finding["hint"]:
                yield f"{'':{width + 8}} → {finding['hint']}"
        yield ""
        yield from _memory(result["processes"])


def _finding(message: checks.CheckMessage) -> dict[str, str]:
    return {
        "subject": installation.subject_of(message),
        "severity": _severity_of(message),
        "id": message.id or "",
        "message": message.msg,
        "hint": message.hint or "",
    }


def _severity_of(message: checks.CheckMessage) -> str:
    if message.is_serious():
        return "error"
    if message.level >= checks.WARNING:
        return "warning"
    return "skipped" if message.id == installation.NOT_CHECKED else "ok"


def _memory(running: list[dict[str, Any]]) -> Iterator[str]:
    if not running:
        yield "No process of this installation runs on this machine."
        return
    yield "Memory       processes   own (PSS)   resident (RSS)"
    rows = {kind: list(group) for kind, group in groupby(running, key=lambda process: process["kind"])}
    for kind, group in [*rows.items(), ("together", running)]:
        own, resident = (sum(each[name] for each in group) / 1e6 for name in ("own", "resident"))
        yield f"{kind:<12} {len(group):>9} {own:>8.0f} MB {resident:>12.0f} MB"
