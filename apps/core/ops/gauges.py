"""Gauges of the outbox, dead letters, scheduled jobs, heartbeats and dependencies."""

import math
from datetime import timedelta

from django.db.models import Count, F
from django.db.models.functions import Coalesce
from django_celery_beat.models import PeriodicTask

from apps.core.db.queries import fetch_rows, load
from apps.core.models import DeadLetter, JobRun
from apps.core.ops import health, metrics
from apps.core.ops.health import State
from apps.core.tasks import backlog, heartbeats


# ── Tasks ────────────────────────────────────────────────────────────────────────────────────────────────
def outbox_rows() -> metrics.Values:
    return {(queue,): each.depth for queue, each in backlog.by_queue().items()}


def outbox_oldest() -> metrics.Values:
    return {(queue,): each.oldest for queue, each in backlog.by_queue().items()}


def dead_letters() -> metrics.Values:
    bounded = DeadLetter.objects.values("pk")[: metrics.MOST_COUNTED]
    counts = DeadLetter.objects.filter(pk__in=bounded).values("task_name").annotate(number=Count("pk"))
    return {(name,): number for name, number in counts.values_list("task_name", "number")}


def heartbeat_age() -> metrics.Values:
    """Infinite for a process that is expected and has never been seen, so that it is silent and not missing."""
    ages: dict[tuple[str, ...], float] = {}
    for name, age in backlog.pulses().items():
        ages[name, heartbeats.kind_of(name)] = age.total_seconds()
    seen = {kind for _, kind in ages}
    for name in heartbeats.expected_names():
        if (kind := heartbeats.kind_of(name)) not in seen:
            ages[name, kind] = math.inf
    return ages


# ── Jobs of the schedule ─────────────────────────────────────────────────────────────────────────────────
def job_last_success() -> metrics.Values:
    """For a job that never completed a round: when it was scheduled first."""
    moments = JobRun.objects.values_list("name", Coalesce(F("succeeded_at"), F("created_at")))
    return {(name,): moment.timestamp() for name, moment in moments}


def job_period() -> metrics.Values:
    """Of the enabled jobs."""
    tasks = PeriodicTask.objects.filter(enabled=True, interval__isnull=False).select_related("interval")
    return {(task.task,): timedelta(**{task.interval.period: task.interval.every}).total_seconds() for task in tasks}


def job_seconds() -> metrics.Values:
    return {(name,): seconds for name, seconds in JobRun.objects.values_list("name", "seconds")}


def job_fixed() -> metrics.Values:
    return {(name,): fixed for name, fixed in JobRun.objects.values_list("name", "fixed_total")}


def job_failed() -> metrics.Values:
    return {(name,): float(bool(error)) for name, error in JobRun.objects.values_list("name", "error")}


# ── Dependencies ─────────────────────────────────────────────────────────────────────────────────────────
def dependencies() -> metrics.Values:
    """Without those whose state is unknown."""
    return {
        (name,): float(result.state is State.UP)
        for name, result in health.results().items()
        if result.state is not State.UNKNOWN
    }


def probe_ages() -> metrics.Values:
    return {(name,): result.age for name, result in health.results().items()}


def connections_limit() -> metrics.Values:
    [(limit,)] = fetch_rows(load("core/setting"), {"name": "max_connections"})
    return {(): float(limit)}


def register() -> None:
    metrics.gauge(
        "photogram_dependency_up",
        "1 if the dependency is up, 0 if it is down, as in /health/ready.",
        ["dependency"],
        dependencies,
        from_database=False,
    )
    metrics.gauge(
        "photogram_dependency_probe_age_seconds",
        "Time since the last probe of the dependency has ended.",
        ["dependency"],
        probe_ages,
        from_database=False,
    )
    metrics.gauge("photogram_outbox_rows", "Tasks that are not done, by queue.", ["queue"], outbox_rows)
    metrics.gauge("photogram_outbox_oldest_seconds", "Age of the oldest task not done.", ["queue"], outbox_oldest)
    metrics.gauge(
        "photogram_dead_letters",
        "Dead letters by task.",
        ["task"],
        dead_letters,
    )
    metrics.gauge(
        "photogram_heartbeat_age_seconds",
        "Time since the last heartbeat of the scheduler, the relay, a worker or a queue.",
        ["name", "kind"],
        heartbeat_age,
    )
    metrics.gauge("photogram_job_period_seconds", "Scheduled interval in seconds.", ["task"], job_period)
    metrics.gauge(
        "photogram_job_last_success_timestamp_seconds", "Time of the last completed round.", ["task"], job_last_success
    )
    metrics.gauge("photogram_job_seconds", "Duration of the last round.", ["task"], job_seconds)
    metrics.gauge("photogram_job_fixed_total", "Rows that a job has repaired or deleted.", ["task"], job_fixed)
    metrics.gauge("photogram_job_failed", "1 if the last round failed.", ["task"], job_failed)
    metrics.gauge(
        "photogram_database_bytes",
        "Size of the database.",
        [],
        lambda: metrics.select(load("core/database_size")),
    )
    metrics.gauge(
        "photogram_database_connections",
        "Connections to PostgreSQL.",
        [],
        lambda: metrics.select(load("core/connections")),
    )
    metrics.gauge(
        "photogram_database_connections_limit",
        "Limit of connections (max_connections).",
        [],
        connections_limit,
    )
    metrics.gauge(
        "photogram_replication_lag_seconds",
        "How far each replica is behind; shown to members of pg_monitor only.",
        ["replica"],
        lambda: metrics.select(load("core/replication_lag")),
    )
