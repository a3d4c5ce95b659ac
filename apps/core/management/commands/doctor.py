"""`manage.py doctor`: everything examined, and what to do about what was found."""

import json
import sys
from collections.abc import Iterable
from dataclasses import asdict
from itertools import groupby
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from apps.core import doctor, processes
from apps.core.doctor import Finding, Severity


class Command(BaseCommand):
    help = (
        "Examine every dependency, setting, migration, bucket and clock, and say what to do about each finding. It "
        "changes nothing but two small objects in storage, which it takes away again. Exit code 1 when something must "
        "be mended. At the end it tells the memory of each of Photogram's processes on this machine."
    )
    # It says itself what the checks say.
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="print everything as one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        findings = doctor.examine()
        running = processes.running()
        if options["json"]:
            told = {"findings": list(map(asdict, findings)), "processes": list(map(asdict, running))}
            self.stdout.write(json.dumps(told, indent=2))
        else:
            self._tell(findings)
            self._tell_memory(running)
        if any(finding.severity is Severity.ERROR for finding in findings):
            sys.exit(1)

    def _tell(self, findings: Iterable[Finding]) -> None:
        styles = {
            Severity.OK: self.style.SUCCESS("ok     "),
            Severity.WARNING: self.style.WARNING("warning"),
            Severity.ERROR: self.style.ERROR("error  "),
        }
        for finding in findings:
            self.stdout.write(f"{styles[finding.severity]} {finding.subject:<9} {finding.what}")
            if finding.advice:
                self.stdout.write(f"{'':17} → {finding.advice}")

    def _tell_memory(self, running: list[processes.Process]) -> None:
        if not running:
            self.stdout.write("\nNo process of Photogram runs from this folder.")
            return
        self.stdout.write("\nMemory       processes   own (PSS)   resident (RSS)")
        rows = {kind: list(group) for kind, group in groupby(running, key=lambda process: process.kind)}
        for kind, group in [*rows.items(), ("together", running)]:
            own, resident = (sum(getattr(each, name) for each in group) / 1e6 for name in ("own", "resident"))
            self.stdout.write(f"{kind:<12} {len(group):>9} {own:>8.0f} MB {resident:>12.0f} MB")
