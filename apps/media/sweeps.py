"""What the clock finds: uploads never completed, leases of dead workers, objects that must go, objects of nobody."""

from datetime import timedelta

import httpx
import structlog
from celery import current_app
from django.conf import settings
from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from apps.core.batches import BATCH
from apps.media import objects, storage
from apps.media.models import DoomedObject, Media

log = structlog.get_logger(__name__)
# Rung by name: the bells in `tasks.py` stand above this module.
PROCESS, PUBLISH = "apps.media.tasks.process_upload", "apps.media.tasks.publish_variants"
ABANDONED_AFTER = timedelta(hours=24)
ORPHANED_AFTER = timedelta(hours=24)


def delete_doomed_objects() -> int:
    """Delete what is due, in small batches; what fails is due again later, ever less often. Returns how many went."""
    gone = 0
    while batch := _due_batch():
        for doomed in batch:
            try:
                _purge_from_cdn(doomed)
                storage.delete(doomed.bucket, doomed.key)
            except (storage.StorageError, httpx.HTTPError) as error:
                log.warning("object_not_deleted", bucket=doomed.bucket, error=str(error))
                return gone
            doomed.delete()
            gone += 1
    return gone


@transaction.atomic
def _due_batch() -> list[DoomedObject]:
    """Claim up to fifty: they are due again in 15 s, doubling with each try up to an hour, unless they are deleted."""
    due = DoomedObject.objects.filter(due_at__lte=timezone.now()).order_by("due_at")
    batch = list(due.select_for_update(skip_locked=True)[:50])
    for doomed in batch:
        pause = timedelta(seconds=min(15 * 2**doomed.attempts, 3600))
        DoomedObject.objects.filter(pk=doomed.pk).update(due_at=timezone.now() + pause, attempts=F("attempts") + 1)
    return batch


def _purge_from_cdn(doomed: DoomedObject) -> None:
    """Tell the CDN to forget a public object. Raises httpx.HTTPError."""
    if settings.MEDIA_CDN_PURGE_URL and doomed.bucket == settings.S3_PUBLIC_BUCKET:
        answer = httpx.post(
            settings.MEDIA_CDN_PURGE_URL, json={"urls": [f"{settings.MEDIA_CDN_URL}/{doomed.key}"]}, timeout=5
        )
        answer.raise_for_status()


def remove_abandoned_uploads() -> int:
    """Uploads that were promised and never completed."""
    old = Media.objects.filter(status=Media.Status.PENDING, created_at__lt=timezone.now() - ABANDONED_AFTER)
    gone = 0
    while pks := list(old.values_list("pk", flat=True)[:BATCH]):
        objects.destroy(pks)
        gone += len(pks)
    return gone


def ring_again() -> int:
    """Media whose worker died, whose doorbell was lost, or whose public copies are still wanted."""
    now = timezone.now()
    stuck = Media.objects.filter(
        Q(status=Media.Status.PROCESSING, leased_until__lt=now)
        | Q(status=Media.Status.UPLOADED, uploaded_at__lt=now - timedelta(seconds=60))
    )
    unexposed = Media.objects.filter(status=Media.Status.READY, wanted_public=True, public_secret="")
    rung = 0
    with transaction.atomic():
        for pk in stuck.values_list("pk", flat=True)[:BATCH]:
            current_app.send_task(PROCESS, kwargs={"media_id": str(pk)})
            rung += 1
        for pk in unexposed.values_list("pk", flat=True)[:BATCH]:
            current_app.send_task(PUBLISH, kwargs={"media_id": str(pk)})
            rung += 1
    return rung


def remove_orphaned_objects() -> int:
    """Objects older than a day that no row knows. Younger ones may belong to a job that is just at work."""
    gone = 0
    for bucket in (settings.S3_PRIVATE_BUCKET, settings.S3_PUBLIC_BUCKET):
        page: list[str] = []
        for key, modified in storage.listing(bucket):
            if modified < timezone.now() - ORPHANED_AFTER:
                page.append(key)
            if len(page) == BATCH:
                gone += _doom_unknown(bucket, page)
                page = []
        gone += _doom_unknown(bucket, page)
    return gone


def _doom_unknown(bucket: str, keys: list[str]) -> int:
    unknown = set(keys) - _known(bucket, keys)
    objects.doom((bucket, key) for key in unknown)
    return len(unknown)


def _known(bucket: str, keys: list[str]) -> set[str]:
    if bucket == settings.S3_PUBLIC_BUCKET:
        secrets = {key: key.split("/")[0] for key in keys}
        alive = set(Media.objects.filter(public_secret__in=secrets.values()).values_list("public_secret", flat=True))
        return {key for key, secret in secrets.items() if secret in alive}
    originals = set(Media.objects.filter(original_key__in=keys).values_list("original_key", flat=True))
    secrets = {key: key.split("/")[1] for key in keys if key.startswith("variants/")}
    alive = set(Media.objects.filter(private_secret__in=secrets.values()).values_list("private_secret", flat=True))
    return originals | {key for key, secret in secrets.items() if secret in alive}


def reprocess_media_without_objects() -> int:
    """Ready media whose variants storage has lost are made again from the original."""
    found = 0
    secrets = {key.split("/")[1] for key, _ in storage.listing(settings.S3_PRIVATE_BUCKET, "variants/")}
    ready = Media.objects.filter(status=Media.Status.READY, created_at__lt=timezone.now() - timedelta(hours=1))
    for medium in ready.order_by("pk").iterator(chunk_size=BATCH):
        if medium.private_secret not in secrets:
            log.warning("variants_lost", media_id=str(medium.pk))
            objects.want_again(medium)
            found += 1
    return found
