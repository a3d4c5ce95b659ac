"""Storage and rows compared, once a day: objects that no row knows, and rows whose objects are gone.

Every key holds a random secret, whose first character divides everything into 64 shards. A shard is one job, short
enough for any worker however much there is.
"""

import string
from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta

import structlog
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from apps.core.db.batches import BATCH, in_batches
from apps.core.tasks.outbox import enqueue
from apps.media import objects, storage
from apps.media.models import Media
from apps.media.querysets import MediaQuerySet

log = structlog.get_logger(__name__)
SHARDS = string.ascii_letters + string.digits + "-_"
VARIANTS = "variants/"
# Younger objects may belong to a job that is at work.
ORPHANED_AFTER = timedelta(hours=24)
# Folders of the private bucket that belong to contexts above, and what tells which of their keys are known to a row.
_others: dict[str, Callable[[list[str]], set[str]]] = {}


def register(folder: str, known: Callable[[list[str]], set[str]]) -> None:
    """Objects in `folder` are another context's: `known` answers, of up to BATCH keys, those that it has rows for. In
    their keys a secret follows the folder, too."""
    _others[folder] = known


def of_shard(shard: str, work: Callable[[str], int], *, task: str) -> int:
    """The work of one shard; without a shard, `task` is rung for each."""
    if shard:
        return work(shard)
    with transaction.atomic():
        for each in SHARDS:
            enqueue(task, kwargs={"shard": each})
    return 0


# ── Objects without rows ─────────────────────────────────────────────────────────────────────────────────
def remove_orphaned_objects(shard: str) -> int:
    """Doom objects older than a day that no row knows; returns how many. Uploads in parts that broke off end, too."""
    for folder in _others:
        storage.abort_multipart_uploads(f"{folder}{shard}", before=timezone.now() - ORPHANED_AFTER)
    gone = 0
    for unknown in orphans(shard):
        objects.doom(unknown)
        gone += len(unknown)
    return gone


def orphans(shard: str) -> Iterator[objects.Objects]:
    """Objects older than a day that no row knows, in batches."""
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
        return _with_living_secret(public, "public_secret")
    private = {key: key.split("/")[1] for key in keys if key.startswith(VARIANTS)}
    originals = Media.objects.filter(original_key__in=keys).values_list("original_key", flat=True)
    theirs = {
        key for folder, known in _others.items() for key in known([key for key in keys if key.startswith(folder)])
    }
    return {*originals, *_with_living_secret(private, "private_secret"), *theirs}


def _with_living_secret(secrets: dict[str, str], column: str) -> set[str]:
    """Those of the keys whose secret is in that column of some row."""
    alive = set(Media.objects.filter(**{f"{column}__in": secrets.values()}).values_list(column, flat=True))
    return {key for key, secret in secrets.items() if secret in alive}


# ── Rows without objects ─────────────────────────────────────────────────────────────────────────────────
def reprocess_media_without_objects(shard: str) -> int:
    """Have variants that storage has lost made again from the original, and lost public copies copied again; returns
    how many media."""
    return sum(make_again(shard))


def make_again(shard: str, *, dry_run: bool = False) -> Iterator[bool]:
    """For each medium that storage has lost something of: whether that is being made again."""
    for medium in without_variants(shard):
        log.error("variants_lost", media_id=str(medium.pk))
        same = _ready().filter(pk=medium.pk, private_secret=medium.private_secret)
        yield not dry_run and bool(objects.want_again(same))
    for medium in without_public_copies(shard):
        log.error("public_copies_lost", media_id=str(medium.pk))
        yield not dry_run and _publish_again(medium)


def without_variants(shard: str) -> Iterator[Media]:
    listed = _listed(settings.S3_PRIVATE_BUCKET, f"{VARIANTS}{shard}")
    for medium in _in_order(_ready().filter(private_secret__startswith=shard)):
        if _lost(objects.private_variants(medium), listed):
            yield medium


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
    """What was written since the listing is asked for one by one."""
    return any(not storage.exists(bucket, key) for bucket, key in wanted if key not in listed)


@transaction.atomic
def _publish_again(medium: Media) -> bool:
    same = Media.objects.filter(pk=medium.pk, public_secret=medium.public_secret)
    if not same.update(public_secret="", next_attempt_at=timezone.now()):
        return False
    objects.doom(objects.public_variants(medium))
    return True
