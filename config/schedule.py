"""What runs by the clock: (task, period in seconds). `ensure_schedule` writes it where the scheduler reads it, and
leaves alone what an operator has changed there."""

SCHEDULE: dict[str, int] = {
    # What heals a lost doorbell or a dead worker, and what makes old URLs die: within a minute.
    "apps.media.tasks.ring_again": 20,
    "apps.media.tasks.delete_doomed_objects": 15,
    "apps.media.tasks.remove_abandoned_uploads": 3600,
    "apps.media.tasks.remove_orphaned_objects": 24 * 3600,
    "apps.media.tasks.reprocess_media_without_objects": 24 * 3600,
    "apps.content.tasks.settle_waiting_posts": 60,
    "apps.content.tasks.reconcile_waiting_accounts": 20,
    "apps.moderation.tasks.send_waiting_statements": 20,
    "apps.moderation.tasks.end_due_suspensions": 60,
    "apps.accounts.tasks.ring_for_erasures": 20,
    "apps.accounts.tasks.ring_for_exports": 20,
    "apps.accounts.tasks.expire_exports": 20,
    "apps.accounts.tasks.purge_exports": 24 * 3600,
    "apps.accounts.tasks.purge_sessions": 24 * 3600,
    "apps.accounts.tasks.purge_emailed_tokens": 24 * 3600,
    "apps.accounts.tasks.release_handles": 24 * 3600,
    "apps.feed.tasks.keep_explore_scores": 120,
    "apps.notifications.tasks.ring_again": 30,
    "apps.notifications.tasks.purge_old_notifications": 24 * 3600,
    "apps.core.tasks.probe_queues": 20,
    "apps.core.tasks.purge_idempotency_keys": 3600,
    "apps.core.tasks.purge_rate_buckets": 600,
    "apps.core.tasks.repair_counters": 6 * 3600,
}
