"""What runs by the clock: (task, period in seconds). `ensure_schedule` writes it where the scheduler reads it, and
leaves alone what an operator has changed there."""

SCHEDULE: dict[str, int] = {
    "apps.core.tasks.purge_idempotency_keys": 3600,
    "apps.core.tasks.purge_rate_buckets": 600,
    "apps.core.tasks.repair_counters": 6 * 3600,
}
