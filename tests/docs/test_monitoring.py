"""Rules, dashboard and the table of metrics agree with what the code shows."""

import importlib
import json
import re
from pathlib import Path

import pytest
import yaml
from prometheus_client import REGISTRY
from prometheus_client.metrics import MetricWrapperBase

from apps.core.ops import metrics
from config.celery import app as celery
from tests.docs import promql

# What the API and the tasks import, they declare.
importlib.import_module("config.urls")
celery.autodiscover_tasks(force=True)
OPERATIONS = Path(__file__).resolve().parents[2] / "docs" / "operations"
RULES = [
    rule for group in yaml.safe_load((OPERATIONS / "alerts.yaml").read_text())["groups"] for rule in group["rules"]
]
PANELS = [
    panel for panel in json.loads((OPERATIONS / "dashboard.json").read_text())["panels"] if panel["type"] != "row"
]
EXPRESSIONS = [rule["expr"] for rule in RULES] + [target["expr"] for panel in PANELS for target in panel["targets"]]
# Prometheus' own.
OF_PROMETHEUS = {"job", "instance"}


def declared() -> dict[str, tuple[str, set[str]]]:
    """{name: (type, labels)} of everything that the code shows as ours."""
    kept = {gauge.name: ("gauge", set(gauge.labels)) for gauge in metrics.every_gauge()}
    for collector in set(REGISTRY._collector_to_names):
        if isinstance(collector, MetricWrapperBase) and collector._name.startswith("photogram_"):
            name = f"{collector._name}_total" if collector._type == "counter" else collector._name
            kept[name] = (collector._type, set(collector._labelnames))
    return kept


def series() -> dict[str, set[str]]:
    """{name of a time series: its labels}"""
    known = {"up": OF_PROMETHEUS}
    for name, (kind, labels) in declared().items():
        if kind == "histogram":
            known |= {f"{name}_bucket": labels | {"le"}, f"{name}_sum": labels, f"{name}_count": labels}
        else:
            known[name] = labels
    return known


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_an_expression_can_be_read_and_asks_for_what_there_is(expression):
    known = series()
    for selector in promql.selectors(expression):
        assert selector.name in known
        assert selector.matched | selector.grouped <= known[selector.name] | OF_PROMETHEUS


@pytest.mark.parametrize(
    "expression",
    [
        "sum(rate(photogram_task_total))",
        "sum(rate(photogram_task_total[5m])",
        "max by queue (photogram_outbox_rows)",
        "photogram_outbox_rows{queue=}",
        "photogram_outbox_rows > ",
        "photogram outbox",
        "sum(photogram_outbox_rows))",
    ],
)
def test_an_expression_that_is_none_is_noticed(expression):
    with pytest.raises(promql.NoPromQL):
        promql.selectors(expression)


def test_the_table_of_metrics_names_exactly_those_that_there_are_with_their_labels():
    rows = re.findall(r"^\| `(photogram_\w+)` \| (.*?) \|", (OPERATIONS / "metrics.md").read_text(), re.MULTILINE)
    told = {name: set(re.findall(r"`(\w+)`", labels)) for name, labels in rows}
    assert told == {name: labels for name, (_, labels) in declared().items()}


def test_every_metric_is_on_the_dashboard():
    shown = {
        selector.name
        for panel in PANELS
        for target in panel["targets"]
        for selector in promql.selectors(target["expr"])
    }
    missing = {
        name
        for name in declared()
        if not {name, f"{name}_bucket", f"{name}_count"} & shown and name != "photogram_job_period_seconds"
    }
    assert not missing


def test_panels_do_not_overlap_and_have_ids_of_their_own():
    everything = json.loads((OPERATIONS / "dashboard.json").read_text())["panels"]
    assert len({panel["id"] for panel in everything}) == len(everything)
    taken = set()
    for panel in everything:
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert not cells & taken
        assert at["x"] + at["w"] <= 24
        taken |= cells


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_an_alert_says_how_bad_it_is_what_happens_and_what_to_do(rule):
    assert rule["labels"]["severity"] in {"critical", "warning"}
    assert rule["annotations"]["summary"].endswith(".")
    assert rule["annotations"]["runbook"] == f"docs/operations/runbooks.md#{rule['alert'].lower()}"
