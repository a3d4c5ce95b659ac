"""Scheduled work: repeat lost tasks, remove abandoned uploads, delete objects from storage."""

from datetime import datetime, timedelta

import httpx
import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import F, QuerySet
from django.utils import timezone

from apps.core.db.batches import BatchRunner, walk
from apps.core.tasks import leased
from apps.media import objects, storage
from apps.media.models import Media, PendingDeletion
from apps.media.querysets import MediaQuerySet

log = structlog.get_logger(__name__)
# Sent by task name: importing tasks.py here would be a cycle.
PROCESS = "apps.media.tasks.process_upload"
PUBLISH = "apps.media.tasks.publish_variants"
MOVE = "apps.media.tasks.move_variants"
ABANDONED_AFTER = timedelta(hours=24)
# At most this many URLs go to the CDN's purge hook in one call.
DELETE_BATCH = 100
# A run that deletes a batch has finished or crashed after this time.
DELETE_LEASE = timedelta(seconds=45)
# The pause before the next attempt: for all objects if storage or the CDN does not answer, and for an object that
# storage refuses to delete, which doubles each time.
UNAVAILABLE_PAUSE = timedelta(seconds=15)
REFUSED_PAUSE, REFUSED_PAUSE_MAX = timedelta(seconds=15), timedelta(hours=1)


# ── Due tasks ────────────────────────────────────────────────────────────────────────────────────────────
def enqueue_due() -> int:
    """Enqueue the tasks of media that are due: their worker died, their task was lost, or storage was unavailable.
    Returns the number of tasks."""
    return leased.enqueue_due(Media.objects.all(), task=_due_tasks, argument="media_id")


def _due_tasks(medium: Media) -> list[str]:
    if medium.status in (Media.Status.UPLOADED, Media.Status.PROCESSING):
        return [PROCESS]
    if medium.status != Media.Status.READY:
        return []
    unpublished = medium.wanted_public and not medium.public_secret
    return [MOVE] * medium.urls_revoked + [PUBLISH] * unpublished


def abandoned_uploads() -> MediaQuerySet:
    """Uploads that were started and never completed."""
    return Media.objects.filter(status=Media.Status.PENDING, created_at__lt=timezone.now() - ABANDONED_AFTER)


def remove_abandoned_uploads(runner: BatchRunner | None = None) -> int:
    """Returns how many were removed."""
    runner = runner or BatchRunner()
    removed = 0
    while runner.has_time() and (pks := list(abandoned_uploads().values_list("pk", flat=True)[: runner.batch_size])):
        removed += objects.delete_media(abandoned_uploads().filter(pk__in=pks))
        runner.advance(len(pks))
    return removed


# ── Deleting objects ─────────────────────────────────────────────────────────────────────────────────────
def delete_pending_objects(runner: BatchRunner | None = None) -> int:
    """Delete the objects that are due, in batches. What storage or the CDN does not confirm is due again later, for
    the next run: so a run ends even if storage is unavailable. Returns how many were deleted."""
    runner = runner or BatchRunner()
    started = timezone.now()
    deleted = 0
    while runner.has_time() and (batch := _claim_due(due_by=started)):
        for bucket in {pending.bucket for pending in batch}:
            deleted += _delete(bucket, [pending for pending in batch if pending.bucket == bucket])
        runner.advance(len(batch), throttle=False)
    return deleted


@transaction.atomic
def _claim_due(*, due_by: datetime) -> list[PendingDeletion]:
    """A batch that no other run takes. It is due again if this run crashes."""
    due = PendingDeletion.objects.filter(due_at__lte=due_by).order_by("due_at")
    batch = list(due.select_for_update(skip_locked=True)[:DELETE_BATCH])
    PendingDeletion.objects.filter(pk__in=[pending.pk for pending in batch]).update(
        due_at=timezone.now() + DELETE_LEASE
    )
    return batch


def _delete(bucket: str, batch: list[PendingDeletion]) -> int:
    keys = {pending.key for pending in batch}
    rows = PendingDeletion.objects.filter(pk__in=[pending.pk for pending in batch])
    try:
        refused = storage.delete(bucket, keys)
        # After the deletion: before it, the CDN would fetch the objects again.
        _purge_from_cdn(bucket, keys - refused)
    except (storage.StorageError, httpx.HTTPError) as error:
        log.warning("objects_not_deleted", bucket=bucket, objects=len(keys), error=str(error))
        rows.update(due_at=timezone.now() + UNAVAILABLE_PAUSE)
        return 0
    for pending in batch:
        if pending.key in refused:
            _postpone(pending)
    deleted, _ = rows.exclude(key__in=refused).delete()
    return deleted


def _postpone(pending: PendingDeletion) -> None:
    """Storage refused this object only. There is no last attempt, since its deletion was promised."""
    log.error("object_not_deleted", bucket=pending.bucket, pending_id=str(pending.pk), attempts=pending.attempts)
    pause = min(REFUSED_PAUSE * 2 ** min(pending.attempts, 10), REFUSED_PAUSE_MAX)
    PendingDeletion.objects.filter(pk=pending.pk).update(due_at=timezone.now() + pause, attempts=F("attempts") + 1)


def deletable_now() -> QuerySet[PendingDeletion]:
    """Objects that are due, and those that storage refused before. The others wait until an upload URL expires."""
    return PendingDeletion.objects.filter(due_at__lte=timezone.now()) | _refused()


def retry_refused(runner: BatchRunner) -> None:
    """Make the objects that storage refused to delete due at once."""
    refused = _refused()
    for pks in walk(refused, runner):
        refused.filter(pk__in=pks).update(due_at=timezone.now())


def _refused() -> QuerySet[PendingDeletion]:
    """Without those that a worker may be deleting now: if that fails, they are due soon."""
    return PendingDeletion.objects.filter(attempts__gt=0, due_at__gt=timezone.now() + DELETE_LEASE)


def _purge_from_cdn(bucket: str, keys: set[str]) -> None:
    """Raises httpx.HTTPError."""
    if settings.MEDIA_CDN_PURGE_URL and keys and bucket == settings.S3_PUBLIC_BUCKET:
        urls = [f"{settings.MEDIA_CDN_URL}/{key}" for key in sorted(keys)]
        httpx.post(settings.MEDIA_CDN_PURGE_URL, json={"urls": urls}, timeout=5).raise_for_status()
