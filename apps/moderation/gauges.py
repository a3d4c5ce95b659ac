"""Reports and appeals that nobody has decided yet."""

from apps.core.ops import metrics
from apps.core.ops.metrics import MOST_COUNTED

# By the index on (status, id); ids are in order of time.
_OPEN = """
SELECT 'flag', count(*) FROM (SELECT FROM moderation_flag WHERE status = 'open' LIMIT %s) AS bounded
UNION ALL SELECT 'appeal', count(*) FROM (SELECT FROM moderation_appeal WHERE status = 'open' LIMIT %s) AS bounded
"""
_OLDEST = """
SELECT 'flag', coalesce(extract(epoch FROM now() - (
    SELECT created_at FROM moderation_flag WHERE status = 'open' ORDER BY id LIMIT 1)), 0)
UNION ALL SELECT 'appeal', coalesce(extract(epoch FROM now() - (
    SELECT created_at FROM moderation_appeal WHERE status = 'open' ORDER BY id LIMIT 1)), 0)
"""


def register() -> None:
    metrics.gauge(
        "photogram_moderation_open",
        "Flags and appeals not decided.",
        ["kind"],
        lambda: metrics.select(_OPEN, MOST_COUNTED, MOST_COUNTED),
    )
    metrics.gauge(
        "photogram_moderation_oldest_seconds", "Age of the oldest of them.", ["kind"], lambda: metrics.select(_OLDEST)
    )
