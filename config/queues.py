"""The queues, how long a task of each may take, and which tasks are routed to it.

Each kind of work has a queue, so that a flood of uploads never delays a notification. The limits hold for tasks that
name none of their own: at the soft one a task is interrupted, at the hard one its process is killed.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Kind:
    """Of work; times in seconds. `invisible`: for how long a broker hides what it has delivered before it delivers it
    again. It need not be exact, since a lost task is found by its own lease long before (apps/core/tasks/outbox.py)."""

    soft_limit: int
    hard_limit: int
    invisible: int


QUEUES: dict[str, Kind] = {
    "media": Kind(soft_limit=100, hard_limit=120, invisible=180),
    "notifications": Kind(soft_limit=45, hard_limit=60, invisible=120),
    "feed": Kind(soft_limit=100, hard_limit=120, invisible=180),
    "maintenance": Kind(soft_limit=210, hard_limit=240, invisible=300),
}
DEFAULT = "maintenance"

# The first pattern that fits decides.
ROUTES: list[tuple[str, str]] = [
    ("apps.media.tasks.process_upload", "media"),
    ("apps.media.tasks.publish_variants", "media"),
    ("apps.notifications.tasks.enqueue_due_deliveries", "maintenance"),
    ("apps.notifications.tasks.purge_*", "maintenance"),
    ("apps.notifications.tasks.*", "notifications"),
    ("apps.moderation.tasks.send_statement", "notifications"),
    ("apps.accounts.tasks.send_*", "notifications"),
    ("apps.accounts.tasks.announce_export", "notifications"),
    ("apps.content.tasks.settle_post*", "feed"),
    ("apps.feed.tasks.keep_snapshots", "maintenance"),
    ("apps.feed.tasks.repair_newest_posts", "maintenance"),
    # Not behind the queue that it watches.
    ("apps.feed.tasks.decide_mode", "maintenance"),
    ("apps.feed.tasks.*", "feed"),
]
