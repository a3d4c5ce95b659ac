"""Turns an uploaded original into variants, and copies variants into the public bucket or to new keys.

A worker claims a medium by a conditional UPDATE that sets a lease. It works outside any transaction, renews the lease
while it works, and saves the result only if it still has the lease. The sweep enqueues the medium again if the worker
dies. There is a task for each upload, but which upload it processes is decided when it runs: that of the owner on whom
the pipeline has spent the least time (`scheduling`).
"""

import hashlib
import tempfile
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.utils import timezone
from prometheus_client import Counter

from apps.core.tasks.leased import renewing_lease
from apps.media import objects, sandbox, scheduling, storage
from apps.media.containers import ImagingError, Limits
from apps.media.events import media_failed, media_ready
from apps.media.models import Media
from apps.media.renditions import Picture
from apps.media.urls import private_key, public_key
from apps.safety import images

log = structlog.get_logger(__name__)
OUTCOMES = Counter("photogram_media_total", "Uploads that left the pipeline, by outcome.", ["outcome"])
# After a failure of storage or disk the row waits and is tried again, with growing pauses, up to a limit.
SHORTEST_PAUSE, LONGEST_PAUSE = timedelta(seconds=5), timedelta(minutes=2)
GIVEN_UP_AFTER = timedelta(hours=24)


class LeaseLost(Exception):
    """The medium was deleted meanwhile, or another worker has claimed it."""


def process(media_id: UUID) -> None:
    """Make the variants of this medium or of one that goes first. The sweep repeats an attempt that failed."""
    medium = _claim(media_id)
    if medium is None:
        return
    try:
        with tempfile.TemporaryDirectory(prefix="photogram-") as folder:
            _make(medium, Path(folder))
    except LeaseLost:
        log.info("media_lease_lost", media_id=str(medium.pk))
    except ImagingError as error:
        _fail(medium, error.code, error.detail, reason=error.reason)
    except storage.ObjectNotFound as error:
        _release(medium, counted=True, reason=str(error))
    except (storage.StorageError, OSError) as error:
        _release(medium, counted=False, reason=str(error))
    except Exception as error:
        _release(medium, counted=True, reason=repr(error))
        raise


# ── The lease ────────────────────────────────────────────────────────────────────────────────────────────
def _claim(media_id: UUID) -> Media | None:
    """The medium whose turn it is, with a new lease; None if there is nothing to do or no attempt is left."""
    medium = _claim_next(media_id)
    if medium is None:
        return None
    too_old = medium.uploaded_at is not None and medium.uploaded_at < timezone.now() - GIVEN_UP_AFTER
    if medium.attempts > settings.MEDIA_MAX_ATTEMPTS or too_old:
        _fail(medium, "processing_timeout", "The picture could not be processed.", reason=f"{medium.attempts} attempts")
        return None
    return medium


def _claim_next(media_id: UUID) -> Media | None:
    """Other workers may take the same candidates at the same time."""
    for candidate in scheduling.candidates(media_id):
        medium: Media | None = Media.objects.unprocessed().claim(
            candidate, lease=settings.MEDIA_LEASE, status=Media.Status.PROCESSING
        )
        if medium is not None:
            return medium
    scheduling.postpone_if_over_budget(media_id)
    return None


def _renew(medium: Media) -> None:
    """Raises LeaseLost."""
    if not Media.objects.renew(medium, lease=settings.MEDIA_LEASE):
        raise LeaseLost


def _release(medium: Media, *, counted: bool, reason: str) -> None:
    """Release the lease for a later attempt. Failures of storage or disk do not count as an attempt."""
    log.warning("media_postponed", media_id=str(medium.pk), attempts=medium.attempts, reason=reason)
    now = timezone.now()
    waited = now - (medium.uploaded_at or now)
    Media.objects.release(
        medium,
        after=min(max(waited / 4, SHORTEST_PAUSE), LONGEST_PAUSE),
        status=Media.Status.UPLOADED,
        attempts=F("attempts") - (0 if counted else 1),
    )


# ── The work ─────────────────────────────────────────────────────────────────────────────────────────────
def _make(medium: Media, folder: Path) -> None:
    original = folder / "original"
    storage.download(medium.original_key, etag=medium.original_etag, to=original)
    _require_hash(medium, original)
    _renew(medium)
    with renewing_lease(medium), scheduling.charged(medium):
        picture = _rendered(medium, original, into=folder)
    made = Media(
        private_secret=objects.new_secret(),
        variants=_variants(picture),
        image_hash=next(iter(picture.image_hashes), None),
        blocked_as=_require_not_refused(picture),
    )
    try:
        for rendition, variant in zip(picture.renditions, made.variants, strict=True):
            _renew(medium)
            with rendition.path.open("rb") as file:
                storage.save(private_key(made, variant), file, content_type=rendition.content_type)
        _finish(medium, picture, made)
    except BaseException:
        # The medium does not use the variants that were saved so far.
        objects.schedule_deletion(objects.private_variants(made))
        raise


def _rendered(medium: Media, original: Path, *, into: Path) -> Picture:
    """Raises ImagingError, OSError."""
    return sandbox.render_safely(
        original,
        declared_type=medium.content_type,
        into=into,
        square=medium.purpose == Media.Purpose.AVATAR,
        limits=Limits(
            max_bytes=settings.MEDIA_MAX_BYTES,
            max_pixels=settings.MEDIA_MAX_PIXELS,
            max_scans=settings.MEDIA_MAX_SCANS,
            max_scan_megapixels=settings.MEDIA_MAX_SCAN_MEGAPIXELS,
        ),
    )


def _require_hash(medium: Media, original: Path) -> None:
    """For storage that keeps no hashes; otherwise `complete_upload` has compared them. Raises ImagingError."""
    if not medium.sha256:
        return
    with original.open("rb") as file:
        if hashlib.file_digest(file, "sha256").hexdigest() != medium.sha256:
            raise ImagingError("image_corrupt", "The file is not the one that was announced.")


def _require_not_refused(picture: Picture) -> UUID | None:
    """The id of the blocked image that the picture matches. Raises ImagingError if such pictures are refused."""
    blocked_as = images.blocked_as(picture.image_hashes)
    if blocked_as and images.refuses():
        raise ImagingError("banned_image", "This picture may not be published.", reason=f"banned as {blocked_as}")
    return blocked_as


def _variants(picture: Picture) -> list[dict[str, Any]]:
    return [
        {"name": r.name, "content_type": r.content_type, "width": r.width, "height": r.height, "bytes": r.bytes}
        for r in picture.renditions
    ]


@transaction.atomic
def _finish(medium: Media, picture: Picture, made: Media) -> None:
    """Make the medium ready, with new variants; delete former ones and their public copies. Raises LeaseLost."""
    row = Media.objects.owned(medium).select_for_update().first()
    if row is None:
        raise LeaseLost
    objects.schedule_deletion([*objects.private_variants(row), *objects.public_variants(row)])
    row.status, row.leased_until = Media.Status.READY, None
    row.width, row.height = picture.width, picture.height
    row.blurhash, row.dominant_color = picture.blurhash, picture.dominant_color
    row.image_hash, row.blocked_as = made.image_hash, made.blocked_as
    row.variants, row.private_secret = made.variants, made.private_secret
    row.public_secret, row.urls_revoked = "", False
    row.next_attempt_at = timezone.now() if row.wanted_public else None
    row.save()
    media_ready.publish(media_id=str(row.pk))
    OUTCOMES.labels("ready").inc()


@transaction.atomic
def _fail(medium: Media, code: str, detail: str, *, reason: str) -> None:
    """Make the medium failed, with a code. A medium that has variants from an earlier run stays ready with them."""
    row = Media.objects.owned(medium).select_for_update().first()
    if row is None:
        return
    log.info("media_failed", media_id=str(row.pk), code=code, reason=reason)
    OUTCOMES.labels(code).inc()
    row.leased_until = None
    if row.variants:
        row.status, row.next_attempt_at = Media.Status.READY, timezone.now()
    else:
        row.status, row.next_attempt_at = Media.Status.FAILED, None
        row.error_code, row.error_detail = code, detail
        media_failed.publish(media_id=str(row.pk))
    row.save()


# ── Copying variants ─────────────────────────────────────────────────────────────────────────────────────
def publish_variants(media_id: UUID) -> None:
    """Copy the variants into the public bucket, if the medium is still public. Raises StorageError."""
    medium = Media.objects.filter(pk=media_id).awaiting_public_copies().first()
    if medium is None:
        return
    copies = Media(public_secret=objects.new_secret(), variants=medium.variants)

    def copy(variant: dict[str, Any]) -> None:
        key = public_key(copies.public_secret, variant)
        storage.publish(private_key(medium, variant), to=key, content_type=variant["content_type"])

    def adopt() -> bool:
        wanted = Media.objects.filter(pk=media_id, private_secret=medium.private_secret).awaiting_public_copies()
        return bool(wanted.update(public_secret=copies.public_secret))

    _copy_variants(medium, copy, adopt, to=objects.public_variants(copies))


def move_variants(media_id: UUID) -> None:
    """Move the variants to new keys, so that URLs signed until now stop working. Raises StorageError."""
    medium = Media.objects.filter(pk=media_id).awaiting_new_keys().first()
    if medium is None:
        return
    moved = Media(private_secret=objects.new_secret(), variants=medium.variants)

    def copy(variant: dict[str, Any]) -> None:
        storage.copy(private_key(medium, variant), to=private_key(moved, variant))

    @transaction.atomic
    def adopt() -> bool:
        waiting = Media.objects.filter(pk=media_id, private_secret=medium.private_secret).awaiting_new_keys()
        if not waiting.update(private_secret=moved.private_secret, urls_revoked=False):
            return False
        objects.schedule_deletion(objects.private_variants(medium))
        return True

    _copy_variants(medium, copy, adopt, to=objects.private_variants(moved))


def _copy_variants(
    medium: Media, copy: Callable[[dict[str, Any]], None], adopt: Callable[[], bool], *, to: objects.Objects
) -> None:
    """Copy each variant, then save the new keys with `adopt`; if that fails, delete the copies. A variant that storage
    has lost is skipped: the inventory finds it and has it made again."""
    adopted = False
    try:
        for variant in medium.variants:
            try:
                copy(variant)
            except storage.ObjectNotFound as error:
                log.error("variant_lost", media_id=str(medium.pk), variant=variant["name"], reason=str(error))
        adopted = adopt()
    finally:
        if not adopted:
            objects.schedule_deletion(to)
