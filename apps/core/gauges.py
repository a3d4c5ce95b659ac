"""What waits in the outbox and what became dead letters, how the clock is set, and how the dependencies are."""

from collections import defaultdict

from celery import current_app
from django.db import connection

from apps.core import health, metrics, outbox

# Counting stops here: how much more there is makes no difference to whoever is woken.
MOST_COUNTED = 100_000

_WAITING = """
SELECT task_name, count(*), extract(epoch FROM now() - min(created_at))
FROM (SELECT task_name, created_at FROM celery_outbox ORDER BY id LIMIT %s) AS oldest
GROUP BY task_name
"""
_DEAD = """
SELECT task_name, count(*) FROM (SELECT task_name FROM celery_outbox_dead_letter LIMIT %s) AS bounded GROUP BY task_name
"""
_PERIODS = """
SELECT task.task, min(interval.every * extract(epoch FROM ('1 ' || interval.period)::interval))
FROM django_celery_beat_periodictask AS task
JOIN django_celery_beat_intervalschedule AS interval ON interval.id = task.interval_id
WHERE task.enabled
GROUP BY task.task
"""
_LAG = """
SELECT application_name, extract(epoch FROM replay_lag) FROM pg_stat_replication WHERE replay_lag IS NOT NULL
"""


def _queues() -> set[str]:
    """Every queue that a task of ours goes to: an empty one is shown as empty."""
    return {outbox.queue_of(name) for name in current_app.tasks if name.startswith("apps.")}


def _waiting() -> list[tuple[str, int, float]]:
    """(queue, rows, age of the oldest) by task, of the oldest MOST_COUNTED rows."""
    with connection.cursor() as cursor:
        cursor.execute(_WAITING, [MOST_COUNTED])
        return [(outbox.queue_of(name), rows, float(age)) for name, rows, age in cursor.fetchall()]


def outbox_rows() -> metrics.Values:
    rows: dict[tuple[str, ...], float] = {(queue,): 0 for queue in _queues()}
    for queue, number, _ in _waiting():
        rows[(queue,)] = rows.get((queue,), 0) + number
    return rows


def outbox_oldest() -> metrics.Values:
    ages: dict[tuple[str, ...], float] = defaultdict(float, {(queue,): 0.0 for queue in _queues()})
    for queue, _, age in _waiting():
        ages[(queue,)] = max(ages[(queue,)], age)
    return ages


def dependencies() -> metrics.Values:
    _, checks = health.report()
    return {(name,): float(state == "up") for name, state in checks.items()}


def register() -> None:
    metrics.gauge(
        "photogram_dependency_up",
        "1 if the dependency answers, as in /health/ready.",
        ["dependency"],
        dependencies,
        from_database=False,
    )
    metrics.gauge("photogram_outbox_rows", "Tasks that are not done, by queue.", ["queue"], outbox_rows)
    metrics.gauge("photogram_outbox_oldest_seconds", "Age of the oldest task not done.", ["queue"], outbox_oldest)
    metrics.gauge(
        "photogram_dead_letters",
        "Tasks that were given up, by task.",
        ["task"],
        lambda: metrics.select(_DEAD, MOST_COUNTED),
    )
    metrics.gauge(
        "photogram_job_period_seconds",
        "How often the clock rings for a job.",
        ["task"],
        lambda: metrics.select(_PERIODS),
    )
    metrics.gauge(
        "photogram_database_bytes",
        "Size of the database.",
        [],
        lambda: metrics.select("SELECT pg_database_size(current_database())"),
    )
    metrics.gauge(
        "photogram_database_connections",
        "Connections to PostgreSQL.",
        [],
        lambda: metrics.select("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'"),
    )
    metrics.gauge(
        "photogram_database_connections_limit",
        "Most connections that PostgreSQL takes.",
        [],
        lambda: metrics.select("SELECT current_setting('max_connections')::int"),
    )
    metrics.gauge(
        "photogram_replication_lag_seconds",
        "How far each replica is behind; shown to members of pg_monitor only.",
        ["replica"],
        lambda: metrics.select(_LAG),
    )
