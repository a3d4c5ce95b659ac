"""Which alerts fire for which metrics, and which are inhibited. `tests/faults/test_alerts.py` freezes servers."""

import math
import re
from typing import Any

import pytest

from tests.docs import alerting, promql
from tests.docs.alerting import INHIBIT_RULES, RULES, Alert, Prometheus
from tests.docs.promql import Scrape

Samples = dict[str, float]
UP = {'up{job="photogram-api",instance="a"}': 1.0, 'photogram_task_total{task="a",outcome="success"}': 1.0}


def key(series: str) -> tuple[str, promql.Labels]:
    """`name{label="value"}` as a key of Scrape.samples."""
    name, _, labels = series.partition("{")
    return name, frozenset(re.findall(r'(\w+)="([^"]*)"', labels))


def scrapes(*samples: Samples, every: float = 15) -> list[Scrape]:
    return [
        Scrape(number * every, {key(series): value for series, value in each.items()})
        for number, each in enumerate(samples)
    ]


def firing(samples: Samples, minutes: float) -> set[Alert]:
    """The alerts that fire when the metrics have had these values for so long."""
    prometheus = Prometheus()
    for scrape in scrapes(*[UP | samples] * (int(minutes * 4) + 1)):
        prometheus.add(scrape)
    return prometheus.firing()


def names(alerts: set[Alert]) -> set[str]:
    return {str(alert) for alert in alerts}


HEALTHY = {
    **{f'photogram_dependency_up{{dependency="{name}"}}': 1.0 for name in ("database", "cache", "broker", "storage")},
    **{f'photogram_heartbeat_age_seconds{{name="{name}",kind="{name}"}}': 5.0 for name in ("relay", "scheduler")},
    'photogram_heartbeat_age_seconds{name="worker:media@a",kind="media"}': 5.0,
    'photogram_heartbeat_age_seconds{name="worker:worker@a",kind="worker"}': 5.0,
    'photogram_heartbeat_age_seconds{name="queue:feed",kind="queue:feed"}': 5.0,
}


def test_healthy_installation_fires_no_alert() -> None:
    assert firing(HEALTHY, 30) == set()


@pytest.mark.parametrize(
    ("changed", "fires"),
    [
        ({'photogram_dependency_up{dependency="database"}': 0.0}, "DependencyDown(database)"),
        ({'photogram_dependency_up{dependency="database",instance="b"}': 0.0}, "DependencyDown(database)"),
        ({'photogram_dependency_up{dependency="schema"}': 0.0}, "DependencyDown(schema)"),
        ({'photogram_dependency_probe_age_seconds{dependency="storage"}': 61.0}, "ProbeStalled(storage)"),
        ({'photogram_heartbeat_age_seconds{name="relay",kind="relay"}': 61.0}, "RelaySilent"),
        ({'photogram_heartbeat_age_seconds{name="scheduler",kind="scheduler"}': math.inf}, "SchedulerSilent"),
        ({'photogram_heartbeat_age_seconds{name="worker:media@a",kind="media"}': 61.0}, "WorkersSilent(media)"),
        ({'photogram_heartbeat_age_seconds{name="worker:worker@a",kind="worker"}': 61.0}, "WorkersSilent(worker)"),
        ({'up{job="photogram-api",instance="a"}': 0.0}, "ApiDown(a, photogram-api)"),
    ],
)
def test_fault_fires_its_alert_alone(changed: Samples, fires: str) -> None:
    assert names(firing(HEALTHY | changed, 3)) == {fires}


def test_one_dead_worker_of_several_of_a_kind_fires_nothing() -> None:
    other = {'photogram_heartbeat_age_seconds{name="worker:media@b",kind="media"}': 3600.0}
    assert firing(HEALTHY | other, 5) == set()


def test_missing_metrics_fire_alerts() -> None:
    found = names(firing({}, 30))
    assert {"DependencyUnknown(database)", "HeartbeatsMissing"} <= found
    prometheus = Prometheus()
    for scrape in scrapes(*[{}] * 130):
        prometheus.add(scrape)
    assert {"ApiMissing(photogram-api)", "WorkerMetricsMissing"} <= names(prometheus.firing())
    assert alerting.notified(prometheus.firing()) == {"ApiMissing(photogram-api)", "WorkerMetricsMissing"}


def test_alert_fires_only_after_its_time() -> None:
    changed = {'photogram_dependency_up{dependency="cache"}': 0.0}
    assert names(firing(HEALTHY | changed, 0.75)) == set()
    assert names(firing(HEALTHY | changed, 1)) == {"DependencyDown(cache)"}


def test_inhibited_alerts_exist() -> None:
    known = {rule["alert"] for rule in RULES}
    for rule in INHIBIT_RULES:
        assert set(rule) <= {"source_matchers", "target_matchers", "equal"}
        for matcher in (*rule["source_matchers"], *rule["target_matchers"]):
            label, text = re.fullmatch(r'(\w+) =~? "(.*)"', matcher).groups()  # type: ignore[union-attr]
            if label == "alertname":
                assert set(text.split("|")) <= known


@pytest.mark.parametrize(
    ("fires", "notified"),
    [
        ({("DependencyDown", "dependency", "database"), ("ErrorRateHigh",)}, {"DependencyDown(database)"}),
        ({("DependencyDown", "dependency", "cache"), ("ErrorRateHigh",)}, {"DependencyDown(cache)", "ErrorRateHigh"}),
        (
            {("DependencyDown", "dependency", "broker"), ("RelaySilent",), ("WorkersSilent", "kind", "media")},
            {"DependencyDown(broker)"},
        ),
        ({("RelaySilent",), ("QueueStalled", "name", "queue:feed")}, {"RelaySilent"}),
        (
            {("DependencyDown", "dependency", "cache"), ("ProbeStalled", "dependency", "storage")},
            {"DependencyDown(cache)", "ProbeStalled(storage)"},
        ),
    ],
)
def test_consequences_are_inhibited(fires: set[tuple[str, ...]], notified: set[str]) -> None:
    alerts = {Alert(name, frozenset([tuple(label)] if label else [])) for name, *label in fires}
    assert alerting.notified(alerts) == notified


# ── The evaluation of PromQL itself ──────────────────────────────────────────────────────────────────────
COUNTER = [{"c": value} for value in (0, 15, 30, 5, 20)]


@pytest.mark.parametrize(
    ("expression", "samples", "value"),
    [
        ("a + 2 * 3 - 4 / 2", [{"a": 1}], 5),
        ("(a + 2) * 3", [{"a": 1}], 9),
        ("a > 1", [{"a": 1}], None),
        ("a >= 1", [{"a": 1}], 1),
        ("a", [{"a": 1}, {}], None),
        ("absent(a)", [{}], 1),
        ("absent(a)", [{"a": 0}], None),
        ("sum(a)", [{'a{x="1"}': 1, 'a{x="2"}': 2}], 3),
        ('min(a{x=~"1|2"})', [{'a{x="1"}': 1, 'a{x="2"}': 2, 'a{x="12"}': 0}], 1),
        ('max(a{x!="2"})', [{'a{x="1"}': 1, 'a{x="2"}': 2}], 1),
        ("sum(a) / sum(b) > 0.5 and sum(b) > 1", [{"a": 3, "b": 4}], 0.75),
        ("a unless b", [{"a": 3, "b": 4}], None),
        ("a or b", [{"b": 4}], 4),
        ("a / b", [{"a": 1, "b": 0}], math.inf),
        ("time() - a", [{"a": 1}] * 5, 59),
        # With a restart: 15 + 15 + 5 + 15.
        ("increase(c[5m])", COUNTER, 50),
        # The samples of a minute are 45 s apart; the growth is extrapolated.
        ("increase(c[1m])", [{"c": 0}, *COUNTER], 35 * 60 / 45),
        ("rate(c[1m])", [{"c": 0}, *COUNTER], 35 / 45),
        ("rate(c[1m])", [{"c": 7}], None),
        (
            "histogram_quantile(0.5, sum by (le) (b))",
            [{'b{le="1"}': 10, 'b{le="2"}': 30, 'b{le="+Inf"}': 40}],
            1.5,
        ),
        ("histogram_quantile(0.99, b)", [{'b{le="1"}': 10, 'b{le="2"}': 30, 'b{le="+Inf"}': 40}], 2),
    ],
)
def test_expression_has_its_value(expression: str, samples: list[Any], value: float | None) -> None:
    found = promql.evaluate(expression, scrapes(*samples))
    assert list(found.values()) == ([] if value is None else [pytest.approx(value)])


def test_labels_of_a_result() -> None:
    samples = {'a{x="1",y="1"}': 1.0, 'a{x="1",y="2"}': 2.0, 'a{x="2",y="1"}': 5.0}
    found = promql.evaluate("sum by (x) (a) > 2", scrapes(samples))
    assert found == {frozenset({("x", "1")}): 3.0, frozenset({("x", "2")}): 5.0}
    assert promql.evaluate('absent(a{x="3", y=~"1"})', scrapes(samples)) == {frozenset({("x", "3")}): 1.0}
