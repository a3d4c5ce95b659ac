"""Scheduled sweeps: expired leases, lost tasks, uploads never completed, objects to be deleted."""

from datetime import datetime, timedelta

import httpx
import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import F, QuerySet
from django.utils import timezone

from apps.core.db.batches import Pace, walk
from apps.core.tasks import leased
from apps.media import objects, storage
from apps.media.models import DoomedObject, Media
from apps.media.querysets import MediaQuerySet

log = structlog.get_logger(__name__)
# Sent by task name: importing tasks.py here would be a cycle.
PROCESS = "apps.media.tasks.process_upload"
PUBLISH = "apps.media.tasks.publish_variants"
MOVE = "apps.media.tasks.move_variants"
ABANDONED_AFTER = timedelta(hours=24)
# As many as one call to the CDN's purge hook names.
DOOMED_AT_ONCE = 100
# Of a run that deletes: it is done, or dead, after so long.
DELETING = timedelta(seconds=45)
STORAGE_AWAY = timedelta(seconds=15)
REFUSED, REFUSED_AT_MOST = timedelta(seconds=15), timedelta(hours=1)


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
    """Uploads that were promised and never completed."""
    return Media.objects.filter(status=Media.Status.PENDING, created_at__lt=timezone.now() - ABANDONED_AFTER)


def remove_abandoned_uploads(pace: Pace | None = None) -> int:
    pace = pace or Pace()
    gone = 0
    while pace.goes_on() and (pks := list(abandoned_uploads().values_list("pk", flat=True)[: pace.batch])):
        gone += objects.destroy(abandoned_uploads().filter(pk__in=pks))
        pace.step(len(pks))
    return gone


# ── Objects that must go ─────────────────────────────────────────────────────────────────────────────────
def delete_doomed_objects(pace: Pace | None = None) -> int:
    """Delete what is due, in batches; what storage or the CDN does not confirm is due again, for another run than
    this: so a run ends also while storage is away. Returns how many went."""
    pace = pace or Pace()
    begun = timezone.now()
    gone = 0
    while pace.goes_on() and (batch := _claim_doomed(due_by=begun)):
        for bucket in {doomed.bucket for doomed in batch}:
            gone += _delete(bucket, [doomed for doomed in batch if doomed.bucket == bucket])
        pace.note(len(batch))
    return gone


@transaction.atomic
def _claim_doomed(*, due_by: datetime) -> list[DoomedObject]:
    """Nobody else takes these while we are at it; if we die, they are due again."""
    due = DoomedObject.objects.filter(due_at__lte=due_by).order_by("due_at")
    batch = list(due.select_for_update(skip_locked=True)[:DOOMED_AT_ONCE])
    DoomedObject.objects.filter(pk__in=[doomed.pk for doomed in batch]).update(due_at=timezone.now() + DELETING)
    return batch


def _delete(bucket: str, batch: list[DoomedObject]) -> int:
    keys = {doomed.key for doomed in batch}
    rows = DoomedObject.objects.filter(pk__in=[doomed.pk for doomed in batch])
    try:
        refused = storage.delete(bucket, keys)
        # Only now: the CDN would fetch it again.
        _purge_from_cdn(bucket, keys - refused)
    except (storage.StorageError, httpx.HTTPError) as error:
        log.warning("objects_not_deleted", bucket=bucket, objects=len(keys), error=str(error))
        rows.update(due_at=timezone.now() + STORAGE_AWAY)
        return 0
    for doomed in batch:
        if doomed.key in refused:
            _try_later(doomed)
    gone, _ = rows.exclude(key__in=refused).delete()
    return gone


def _try_later(doomed: DoomedObject) -> None:
    """This object alone was refused: ever less often, and for ever, since it was promised to go."""
    log.error("object_not_deleted", bucket=doomed.bucket, doomed_id=str(doomed.pk), attempts=doomed.attempts)
    pause = min(REFUSED * 2 ** min(doomed.attempts, 10), REFUSED_AT_MOST)
    DoomedObject.objects.filter(pk=doomed.pk).update(due_at=timezone.now() + pause, attempts=F("attempts") + 1)


def deletable_now() -> QuerySet[DoomedObject]:
    """What is due, and what was refused before and waits. The rest waits for an upload URL to expire."""
    return DoomedObject.objects.filter(due_at__lte=timezone.now()) | _refused()


def hurry(pace: Pace) -> None:
    """What was refused before is due at once."""
    refused = _refused()
    for pks in walk(refused, pace):
        refused.filter(pk__in=pks).update(due_at=timezone.now())


def _refused() -> QuerySet[DoomedObject]:
    """Not those that may be in the hands of a worker: if it fails, they are due soon enough by themselves."""
    return DoomedObject.objects.filter(attempts__gt=0, due_at__gt=timezone.now() + DELETING)


def _purge_from_cdn(bucket: str, keys: set[str]) -> None:
    """Tell the CDN to forget public objects. Raises httpx.HTTPError."""
    if settings.MEDIA_CDN_PURGE_URL and keys and bucket == settings.S3_PUBLIC_BUCKET:
        urls = [f"{settings.MEDIA_CDN_URL}/{key}" for key in sorted(keys)]
        httpx.post(settings.MEDIA_CDN_PURGE_URL, json={"urls": urls}, timeout=5).raise_for_status()
