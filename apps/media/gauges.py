"""Metrics of uploads that wait for a job, and of objects that wait for their deletion."""

from django.db.models import Min, QuerySet
from django.utils import timezone

from apps.core.ops import metrics
from apps.core.ops.metrics import MOST_COUNTED, Values
from apps.media.models import Media, PendingDeletion
from apps.media.querysets import MediaQuerySet

STATUSES = ["pending", "uploaded", "processing", "ready"]
IN_PIPELINE = ["uploaded", "processing"]


def register() -> None:
    metrics.gauge(
        "photogram_media_waiting",
        "Media that wait for their upload (pending), the pipeline, or copies (ready).",
        ["status"],
        lambda: {(status,): _count(_waiting(status)) for status in STATUSES},
    )
    metrics.gauge(
        "photogram_media_oldest_seconds",
        "Age in seconds of the oldest upload that waits for the pipeline.",
        ["status"],
        _oldest_upload,
    )
    metrics.gauge(
        "photogram_pending_deletions",
        "Objects that are to be deleted from storage.",
        [],
        lambda: {(): _count(PendingDeletion.objects.all())},
    )
    metrics.gauge(
        "photogram_pending_deletions_oldest_seconds",
        "Age in seconds of the oldest of them.",
        [],
        _oldest_deletion,
    )


def _waiting(status: str) -> MediaQuerySet:
    """By an index that holds waiting rows only."""
    if status == Media.Status.PENDING:
        return Media.objects.filter(status=status)
    return Media.objects.filter(next_attempt_at__isnull=False, status=status)


def _count(rows: "QuerySet[Media] | QuerySet[PendingDeletion]") -> float:
    return rows[:MOST_COUNTED].count()


def _oldest_upload() -> Values:
    oldest = {status: _waiting(status).aggregate(first=Min("uploaded_at"))["first"] for status in IN_PIPELINE}
    now = timezone.now()
    return {(status,): (now - since).total_seconds() if since else 0.0 for status, since in oldest.items()}


def _oldest_deletion() -> Values:
    # Ids are in order of time.
    since = PendingDeletion.objects.order_by("id").values_list("created_at", flat=True).first()
    return {(): (timezone.now() - since).total_seconds() if since else 0.0}
