"""Uploads that wait for something, and objects that must go and are still there."""

from apps.core.ops import metrics
from apps.core.ops.metrics import MOST_COUNTED

# By the index of the rows that wait for a bell: all but the pending, which have one of their own.
_WAITING = """
SELECT status, count(*)
FROM (
    (SELECT status FROM media_media WHERE ring_at IS NOT NULL LIMIT %s)
    UNION ALL
    (SELECT status FROM media_media WHERE status = 'pending' LIMIT %s)
) AS bounded
GROUP BY status
"""
_OLDEST = """
SELECT status, extract(epoch FROM now() - min(uploaded_at)) FROM media_media
WHERE ring_at IS NOT NULL AND status IN ('uploaded', 'processing') AND uploaded_at IS NOT NULL
GROUP BY status
"""
_DOOMED = "SELECT count(*) FROM (SELECT FROM media_doomedobject LIMIT %s) AS bounded"
# Ids are in order of time.
_DOOMED_FIRST = (
    "SELECT coalesce((SELECT extract(epoch FROM now() - created_at) FROM media_doomedobject ORDER BY id LIMIT 1), 0)"
)


def register() -> None:
    metrics.gauge(
        "photogram_media_waiting",
        "Media by what they wait for: their upload (pending), the pipeline, or copies (ready).",
        ["status"],
        lambda: metrics.select_each(
            ["pending", "uploaded", "processing", "ready"], _WAITING, MOST_COUNTED, MOST_COUNTED
        ),
    )
    metrics.gauge(
        "photogram_media_oldest_seconds",
        "Since the oldest upload that is not yet ready or failed was handed in.",
        ["status"],
        lambda: metrics.select_each(["uploaded", "processing"], _OLDEST),
    )
    metrics.gauge(
        "photogram_doomed_objects",
        "Objects that must go from storage.",
        [],
        lambda: metrics.select(_DOOMED, MOST_COUNTED),
    )
    metrics.gauge(
        "photogram_doomed_objects_oldest_seconds",
        "Since the oldest of them was to go.",
        [],
        lambda: metrics.select(_DOOMED_FIRST),
    )
