"""Alerts, dashboard and the table of metrics match the metrics in the code."""

import importlib
import json
import re

import pytest
from prometheus_client import REGISTRY
from prometheus_client.metrics import MetricWrapperBase

from apps.core.ops import metrics
from config.celery import app as celery
from tests.docs import promql
from tests.docs.alerting import OPERATIONS, RULES

# Import everything that declares metrics.
importlib.import_module("config.urls")
celery.loader.import_default_modules()
PANELS = [
    panel for panel in json.loads((OPERATIONS / "dashboard.json").read_text())["panels"] if panel["type"] != "row"
]
EXPRESSIONS = [rule["expr"] for rule in RULES] + [target["expr"] for panel in PANELS for target in panel["targets"]]
# Labels that Prometheus adds.
PROMETHEUS_LABELS = {"job", "instance"}


def declared() -> dict[str, tuple[str, set[str]]]:
    """{name: (type, labels)} of all metrics in the code."""
    kept = {gauge.name: ("gauge", set(gauge.labels)) for gauge in metrics.every_gauge()}
    for collector in set(REGISTRY._collector_to_names):
        if isinstance(collector, MetricWrapperBase) and collector._name.startswith("photogram_"):
            name = f"{collector._name}_total" if collector._type == "counter" else collector._name
            kept[name] = (collector._type, set(collector._labelnames))
    return kept


def series() -> dict[str, set[str]]:
    """{name of a time series: labels}"""
    known = {"up": PROMETHEUS_LABELS}
    for name, (kind, labels) in declared().items():
        if kind == "histogram":
            known |= {f"{name}_bucket": labels | {"le"}, f"{name}_sum": labels, f"{name}_count": labels}
        else:
            known[name] = labels
    return known


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_expression_is_valid_and_uses_existing_metrics_and_labels(expression):
    known = series()
    for selector in promql.selectors(expression):
        assert selector.name in known
        assert selector.matched | selector.grouped <= known[selector.name] | PROMETHEUS_LABELS


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
def test_invalid_expression_is_detected(expression):
    with pytest.raises(promql.InvalidPromQL):
        promql.selectors(expression)


def test_metric_table_matches_the_metrics_in_the_code():
    rows = re.findall(r"^\| `(photogram_\w+)` \| (.*?) \|", (OPERATIONS / "metrics.md").read_text(), re.MULTILINE)
    documented = {name: set(re.findall(r"`(\w+)`", labels)) for name, labels in rows}
    assert documented == {name: labels for name, (_, labels) in declared().items()}


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


def test_panels_have_unique_ids_and_do_not_overlap():
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
def test_alert_has_severity_summary_and_runbook(rule):
    assert rule["labels"]["severity"] in {"critical", "warning"}
    assert rule["annotations"]["summary"].endswith(".")
    assert rule["annotations"]["runbook"] == f"docs/operations/runbooks.md#{rule['alert'].lower()}"
