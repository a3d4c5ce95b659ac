"""docs/operations/runbooks.md has a section for each alert, and its commands exist."""

import re
from pathlib import Path

import pytest
import yaml
from django.core.management import get_commands

OPERATIONS = Path(__file__).resolve().parents[2] / "docs" / "operations"
RUNBOOKS = (OPERATIONS / "runbooks.md").read_text()
SECTIONS = dict(re.findall(r"^### (\w+)\n(.*?)(?=^##|\Z)", RUNBOOKS, re.MULTILINE | re.DOTALL))
GROUPS = yaml.safe_load((OPERATIONS / "alerts.yaml").read_text())["groups"]
ALERTS = {rule["alert"]: rule for group in GROUPS for rule in group["rules"]}


def test_each_alert_links_to_its_section() -> None:
    assert list(SECTIONS) == list(ALERTS)
    for name, rule in ALERTS.items():
        assert rule["annotations"]["runbook"] == f"docs/operations/runbooks.md#{name.lower()}"


def test_headings_are_unique() -> None:
    """Otherwise a link leads to the first of them."""
    headings = re.findall(r"^#+ (.+)$", RUNBOOKS, re.MULTILINE)
    assert len(headings) == len({heading.lower() for heading in headings})


@pytest.mark.parametrize("alert", SECTIONS)
def test_section_says_what_to_do(alert: str) -> None:
    assert "**Do:**" in SECTIONS[alert]
    for target in re.findall(r"\(#(\w+)\)", SECTIONS[alert]):
        assert target in {name.lower() for name in SECTIONS}


def test_commands_in_guides_exist() -> None:
    guides = [*OPERATIONS.glob("*.md"), OPERATIONS.parent / "operations.md"]
    named = {name for guide in guides for name in re.findall(r"manage\.py\s+(\w+)", guide.read_text())}
    assert named - set(get_commands()) == set()
