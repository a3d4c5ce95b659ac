"""Compares storage with the rows once a day: finds objects without a row, and rows whose objects are missing.

Every key contains a random secret, whose first character divides all objects into 64 shards. Each shard is a task of
its own, short enough for any worker.
"""

import string
from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from typing import Any

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import TextField
from django.db.models.functions import Cast
from django.utils import timezone

from apps.core.db.batches import BATCH, in_batches
from apps.core.tasks.outbox import enqueue
from apps.media import objects, storage
from apps.media.fields import is_complete
from apps.media.models import Media
from apps.media.querysets import MediaQuerySet

log = structlog.get_logger(__name__)
SHARDS = string.ascii_letters + string.digits + "-_"
VARIANTS = "variants/"
# Younger objects may belong to a running job.
ORPHANED_AFTER = timedelta(hours=24)
# Folders of the private bucket that other apps write to, and the function that looks up which keys have a row.
_others: dict[str, Callable[[list[str]], set[str]]] = {}


def register(folder: str, known: Callable[[list[str]], set[str]]) -> None:
    """Declare a folder of another app. `known` takes up to BATCH keys and returns those that have a row. In its keys,
    too, a secret follows the folder."""
    _others[folder] = known


def of_shard(shard: str, work: Callable[[str], int], *, task: str) -> int:
    """Do the work of one shard; without a shard, enqueue `task` for each."""
    if shard:
        return work(shard)
    with transaction.atomic():
        for each in SHARDS:
            enqueue(task, kwargs={"shard": each})
    return 0


# ── Objects without rows ─────────────────────────────────────────────────────────────────────────────────
def remove_orphaned_objects(shard: str) -> int:
    """Schedule the deletion of objects without a row that are older than a day, and abort interrupted multipart
    uploads. Returns the number of objects."""
    for folder in _others:
        storage.abort_multipart_uploads(f"{folder}{shard}", before=timezone.now() - ORPHANED_AFTER)
    removed = 0
    for unknown in orphans(shard):
        objects.schedule_deletion(unknown)
        removed += len(unknown)
    return removed


def orphans(shard: str) -> Iterator[objects.Objects]:
    """Objects without a row that are older than a day, in batches."""
    for folder in (objects.UPLOADS, objects.ORIGINALS, VARIANTS, *_others):
        yield from _unknown(settings.S3_PRIVATE_BUCKET, f"{folder}{shard}")
    yield from _unknown(settings.S3_PUBLIC_BUCKET, shard)


def _unknown(bucket: str, prefix: str) -> Iterator[objects.Objects]:
    listed = storage.listing(bucket, prefix)
    old = (entry.key for entry in listed if entry.modified < timezone.now() - ORPHANED_AFTER)
    for page in in_batches(old):
        known = _known(bucket, page)
        yield [(bucket, key) for key in page if key not in known]


def _known(bucket: str, keys: list[str]) -> set[str]:
    if bucket == settings.S3_PUBLIC_BUCKET:
        public = {key: key.split("/")[0] for key in keys}
        return _with_known_secret(public, "public_secret")
    private = {key: key.split("/")[1] for key in keys if key.startswith(VARIANTS)}
    originals = Media.objects.filter(original_key__in=keys).values_list("original_key", flat=True)
    theirs = {
        key for folder, known in _others.items() for key in known([key for key in keys if key.startswith(folder)])
    }
    return {*originals, *_with_known_secret(private, "private_secret"), *theirs}


def _with_known_secret(secrets: dict[str, str], column: str) -> set[str]:
    """The keys whose secret is in that column of a row."""
    known = set(Media.objects.filter(**{f"{column}__in": secrets.values()}).values_list(column, flat=True))
    return {key for key, secret in secrets.items() if secret in known}


# ── Rows without objects ─────────────────────────────────────────────────────────────────────────────────
def reprocess_media_without_objects(shard: str) -> int:
    """Have missing variants made again from the original, and missing public copies copied again. Returns the number
    of media."""
    return sum(make_again(shard))


def make_again(shard: str, *, dry_run: bool = False) -> Iterator[bool]:
    """Yield, for each medium with a missing object, whether that is being made again."""
    for medium in without_variants(shard):
        log.error("variants_lost", media_id=str(medium.pk))
        same = _ready().filter(pk=medium.pk, private_secret=medium.private_secret)
        yield not dry_run and bool(objects.request_reprocessing(same))
    for medium in without_public_copies(shard):
        log.error("public_copies_lost", media_id=str(medium.pk))
        yield not dry_run and _publish_again(medium)


def without_variants(shard: str) -> Iterator[Media]:
    listed = _listed(settings.S3_PRIVATE_BUCKET, f"{VARIANTS}{shard}")
    for medium in _in_order(_ready().filter(private_secret__startswith=shard)):
        if not medium.variants or _lost(objects.private_variants(medium), listed):
            yield medium


def malformed(media: MediaQuerySet) -> Iterator[Any]:
    """The ids of those ready media whose variants are malformed, newest first."""
    stored = media.filter(status=Media.Status.READY).annotate(text=Cast("variants", TextField())).order_by("-pk")
    for pk, text in stored.values_list("pk", "text").iterator(chunk_size=BATCH):
        if not is_complete(text):
            yield pk


def without_public_copies(shard: str) -> Iterator[Media]:
    listed = _listed(settings.S3_PUBLIC_BUCKET, shard)
    for medium in _in_order(_ready().filter(public_secret__startswith=shard)):
        if _lost(objects.public_variants(medium), listed):
            yield medium


def _ready() -> MediaQuerySet:
    return Media.objects.filter(status=Media.Status.READY)


def _listed(bucket: str, prefix: str) -> set[str]:
    return {entry.key for entry in storage.listing(bucket, prefix)}


def _in_order(media: MediaQuerySet) -> Iterable[Media]:
    return media.order_by("pk").iterator(chunk_size=BATCH)


def _lost(wanted: objects.Objects, listed: set[str]) -> bool:
    """An object that is not listed may have been written since, so each is looked up."""
    return any(not storage.exists(bucket, key) for bucket, key in wanted if key not in listed)


@transaction.atomic
def _publish_again(medium: Media) -> bool:
    same = Media.objects.filter(pk=medium.pk, public_secret=medium.public_secret)
    if not same.update(public_secret="", next_attempt_at=timezone.now()):
        return False
    objects.schedule_deletion(objects.public_variants(medium))
    return True
