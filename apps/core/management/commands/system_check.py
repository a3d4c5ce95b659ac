"""`manage.py system_check`: examines every dependency and says what to do about each finding."""

import sys
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from itertools import groupby
from typing import Any

from apps.core.management.base import OperatorCommand, Result
from apps.core.ops import doctor, processes
from apps.core.ops.doctor import Severity


class Command(OperatorCommand):
    help = (
        "Examine every dependency, setting, migration, bucket and clock, and say what to do about each finding. It "
        "changes nothing but two small objects in storage, which it takes away again. Exit code 1 when something must "
        "be mended. At the end it tells the memory of each of Photogram's processes on this machine."
    )
    examples = """
  manage.py system_check            for people
  manage.py system_check --json     for programs
"""
    changes = False
    in_batches = False
    # It says itself what the checks say.
    requires_system_checks = []

    def handle(self, *args: Any, **options: Any) -> None:
        super().handle(*args, **options)
        if self._must_be_mended:
            sys.exit(1)

    def work(self, **options: Any) -> Result:
        findings = doctor.examine()
        self._must_be_mended = any(finding.severity is Severity.ERROR for finding in findings)
        return {"findings": list(map(asdict, findings)), "processes": list(map(asdict, processes.running()))}

    def format_result(self, result: Result) -> Iterable[str]:
        styles = {
            Severity.OK: self.style.SUCCESS("ok     "),
            Severity.WARNING: self.style.WARNING("warning"),
            Severity.ERROR: self.style.ERROR("error  "),
        }
        for finding in result["findings"]:
            yield f"{styles[finding['severity']]} {finding['subject']:<9} {finding['what']}"
            if finding["advice"]:
                yield f"{'':17} → {finding['advice']}"
        yield ""
        yield from _memory(result["processes"])


def _memory(running: list[dict[str, Any]]) -> Iterator[str]:
    if not running:
        yield "No process of Photogram runs from this folder."
        return
    yield "Memory       processes   own (PSS)   resident (RSS)"
    rows = {kind: list(group) for kind, group in groupby(running, key=lambda process: process["kind"])}
    for kind, group in [*rows.items(), ("together", running)]:
        own, resident = (sum(each[name] for each in group) / 1e6 for name in ("own", "resident"))
        yield f"{kind:<12} {len(group):>9} {own:>8.0f} MB {resident:>12.0f} MB"
