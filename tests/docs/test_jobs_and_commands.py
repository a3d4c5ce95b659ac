"""docs/operations lists exactly the scheduled jobs and commands that exist."""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from django.core.management import get_commands, load_command_class

from apps.core.management.base import OperatorCommand, Result
from config.schedule import SCHEDULE

OPERATIONS = Path(__file__).resolve().parents[2] / "docs" / "operations"
JOBS, COMMANDS = ((OPERATIONS / name).read_text() for name in ("jobs.md", "commands.md"))
SECONDS = {"s": 1, "min": 60, "h": 3600}
OURS = {name for name, app_name in get_commands().items() if app_name.startswith(("apps.", "demo"))}
SECTIONS = dict(re.findall(r"^### `(\w+)`\n(.*?)(?=^##|\Z)", COMMANDS, re.MULTILINE | re.DOTALL))


def test_job_table_matches_the_schedule() -> None:
    rows = re.findall(r"^\| `(apps\.[\w.]+)` \| (\d+) (\w+) \| .+ \| .+ \|$", JOBS, re.MULTILINE)
    assert {job: int(number) * SECONDS[unit] for job, number, unit in rows} == SCHEDULE
    assert len(rows) == len(SCHEDULE)


def test_documented_commands_are_those_that_exist() -> None:
    assert set(SECTIONS) == OURS


class PlainCommand(OperatorCommand):
    """A command that has only the common options."""

    def work(self, **options: Any) -> Result:
        return {}

    def format_result(self, result: Result) -> Iterable[str]:
        return []


@pytest.mark.parametrize("name", sorted(OURS))
def test_options_of_a_command_are_documented(name: str) -> None:
    command = load_command_class(get_commands()[name], name)
    if not isinstance(command, OperatorCommand):
        return
    everywhere = {action.dest for action in PlainCommand().create_parser("", "")._actions}
    own = [action for action in command.create_parser("manage.py", name)._actions if action.dest not in everywhere]
    for option in (action.option_strings[0] for action in own if action.option_strings):
        assert option in SECTIONS[name], f"{name} {option}"
