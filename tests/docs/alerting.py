"""Evaluates the shipped alert rules as Prometheus does, and inhibits alerts as Alertmanager does."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from prometheus_client.parser import text_string_to_metric_families

from tests.docs import promql
from tests.docs.promql import Labels, Scrape

OPERATIONS = Path(__file__).resolve().parents[2] / "docs" / "operations"
RULES: list[dict[str, Any]] = [
    rule for group in yaml.safe_load((OPERATIONS / "alerts.yaml").read_text())["groups"] for rule in group["rules"]
]
INHIBIT_RULES: list[dict[str, Any]] = yaml.safe_load((OPERATIONS / "alertmanager.yaml").read_text())["inhibit_rules"]
_MATCHER = re.compile(r'(\w+)\s*(=~|!~|!=|=)\s*"?([^"]*)"?')


@dataclass(frozen=True)
class Alert:
    name: str
    labels: Labels

    def __str__(self) -> str:
        values = ", ".join(value for label, value in sorted(self.labels) if label != "severity")
        return f"{self.name}({values})" if values else self.name


class Prometheus:
    """Takes scrapes and knows which alerts fire."""

    def __init__(self) -> None:
        self.scrapes: list[Scrape] = []
        # Since when the expression of an alert has been true.
        self._active: dict[tuple[int, Labels], float] = {}

    def add(self, scrape: Scrape) -> None:
        self.scrapes.append(scrape)
        active = {}
        for number, rule in enumerate(RULES):
            for labels in promql.evaluate(rule["expr"], self.scrapes):
                active[number, labels] = self._active.get((number, labels), scrape.time)
        self._active = active

    def firing(self) -> set[Alert]:
        """The alerts that have been active for as long as their rule demands."""
        now = self.scrapes[-1].time
        return {
            Alert(RULES[number]["alert"], labels | {("severity", RULES[number]["labels"]["severity"])})
            for (number, labels), since in self._active.items()
            if now - since >= promql.seconds_of(RULES[number].get("for", "0s"))
        }


def notified(firing: set[Alert]) -> set[str]:
    """The alerts that Alertmanager does not inhibit."""
    return {str(alert) for alert in firing if not any(_inhibits(rule, firing, alert) for rule in INHIBIT_RULES)}


def _inhibits(rule: dict[str, Any], firing: set[Alert], target: Alert) -> bool:
    if not matches(rule["target_matchers"], target):
        return False
    # An alert that matches both sides does not inhibit itself.
    return any(
        matches(rule["source_matchers"], source)
        and all(dict(source.labels).get(label) == dict(target.labels).get(label) for label in rule.get("equal", []))
        for source in firing - {target}
    )


def matches(matchers: list[str], alert: Alert) -> bool:
    labels = dict(alert.labels) | {"alertname": alert.name}
    for matcher in matchers:
        found = _MATCHER.fullmatch(matcher)
        assert found, matcher
        label, operator, text = found.groups()
        value = labels.get(label, "")
        equal = bool(re.fullmatch(text, value)) if "~" in operator else value == text
        if equal is operator.startswith("!"):
            return False
    return True


def samples_of(text: str, **target: str) -> dict[tuple[str, Labels], float]:
    """The samples of a response of /metrics. `target` are the labels that Prometheus adds."""
    return {
        (sample.name, frozenset((sample.labels | target).items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
