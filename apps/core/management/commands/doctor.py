"""`manage.py doctor`: the former name of `system_check`, until the next release."""

from typing import Any

from apps.core.management.commands import system_check


class Command(system_check.Command):
    help = "The former name of system_check."

    def handle(self, *args: Any, **options: Any) -> None:
        self.stderr.write("`doctor` is deprecated; use `system_check`.")
        super().handle(*args, **options)
