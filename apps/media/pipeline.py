"""From an uploaded original to a ready medium.

The row is the record, the task a doorbell: work is claimed by a conditional UPDATE with a lease, done outside any
transaction, finished only while the lease is still ours, and found again by the sweep when a worker dies.
"""

import hashlib
import tempfile
from pathlib import Path
from uuid import UUID

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone
from prometheus_client import Counter

from apps.media import objects, sandbox, storage
from apps.media.facts import media_failed, media_ready
from apps.media.imaging import ImagingError, Limits, Picture
from apps.media.models import Media
from apps.media.urls import private_key, public_key

log = structlog.get_logger(__name__)
OUTCOMES = Counter("photogram_media_total", "Uploads that left the pipeline, by outcome.", ["outcome"])
IMMUTABLE = "private, max-age=31536000, immutable"


def process(media_id: UUID) -> None:
    """Make the variants of one medium, unless somebody else is at it. Raises StorageError, to be tried again."""
    medium = _claim(media_id)
    if medium is None:
        return
    try:
        with tempfile.TemporaryDirectory(prefix="photogram-") as folder:
            _make(medium, Path(folder))
    except ImagingError as error:
        _fail(medium, error.code, error.detail)
    except storage.Vanished:
        _fail(medium, "image_corrupt", "The uploaded file has changed or gone.")
    except Exception:
        _give_back(medium)
        raise


def _claim(media_id: UUID) -> Media | None:
    now = timezone.now()
    workable = Media.objects.filter(pk=media_id).filter(
        Q(status=Media.Status.UPLOADED) | Q(status=Media.Status.PROCESSING, leased_until__lt=now)
    )
    lease = now + settings.MEDIA_LEASE
    claimed = workable.update(status=Media.Status.PROCESSING, leased_until=lease, attempts=F("attempts") + 1)
    if not claimed:
        return None
    medium = Media.objects.filter(pk=media_id, leased_until=lease).first()
    if medium and medium.attempts > settings.MEDIA_MAX_ATTEMPTS:
        _fail(medium, "processing_timeout", "The picture could not be processed.")
        return None
    return medium


def _make(medium: Media, folder: Path) -> None:
    original = folder / "original"
    storage.download(medium.original_key, etag=medium.original_etag, to=original)
    if medium.sha256 and hashlib.sha256(original.read_bytes()).hexdigest() != medium.sha256:
        raise ImagingError("image_corrupt")
    picture = sandbox.render_safely(
        original,
        declared_type=medium.content_type,
        into=folder,
        square=medium.purpose == Media.Purpose.AVATAR,
        limits=Limits(
            max_bytes=settings.MEDIA_MAX_BYTES,
            max_pixels=settings.MEDIA_MAX_PIXELS,
            max_frames=settings.MEDIA_MAX_FRAMES,
            max_scans=settings.MEDIA_MAX_SCANS,
        ),
    )
    former = Media(private_secret=medium.private_secret, variants=medium.variants)
    medium.private_secret = objects.new_secret()
    medium.variants = [
        {"name": r.name, "content_type": r.content_type, "width": r.width, "height": r.height, "bytes": r.bytes}
        for r in picture.renditions
    ]
    for rendition, variant in zip(picture.renditions, medium.variants, strict=True):
        storage.put(
            private_key(medium, variant), rendition.path, content_type=rendition.content_type, cache_control=IMMUTABLE
        )
    _finish(medium, picture, former)


@transaction.atomic
def _finish(medium: Media, picture: Picture, former: Media) -> None:
    held = Media.objects.filter(pk=medium.pk, status=Media.Status.PROCESSING, leased_until=medium.leased_until)
    finished = held.update(
        status=Media.Status.READY,
        leased_until=None,
        width=picture.width,
        height=picture.height,
        blurhash=picture.blurhash,
        dominant_color=picture.dominant_color,
        variants=medium.variants,
        private_secret=medium.private_secret,
    )
    if not finished:
        # The lease ran out, or the medium was deleted meanwhile: what we made belongs to nobody.
        objects.doom(objects.private_variants(medium))
        return
    objects.doom(objects.private_variants(former))
    media_ready.tell(media_id=str(medium.pk))
    OUTCOMES.labels("ready").inc()


@transaction.atomic
def _fail(medium: Media, code: str, detail: str) -> None:
    held = Media.objects.filter(pk=medium.pk, status=Media.Status.PROCESSING, leased_until=medium.leased_until)
    if held.update(status=Media.Status.FAILED, leased_until=None, error_code=code, error_detail=detail):
        media_failed.tell(media_id=str(medium.pk))
        OUTCOMES.labels(code).inc()
        log.info("media_failed", media_id=str(medium.pk), code=code)


def _give_back(medium: Media) -> None:
    """A job that fails for now releases its lease, so that the next try finds it."""
    held = Media.objects.filter(pk=medium.pk, status=Media.Status.PROCESSING, leased_until=medium.leased_until)
    held.update(status=Media.Status.UPLOADED, leased_until=None)


# ── Public copies ────────────────────────────────────────────────────────────────────────────────────────
def publish_variants(media_id: UUID) -> None:
    """Copy the variants into the public bucket, if that is still wanted. Raises StorageError."""
    medium = Media.objects.filter(pk=media_id, status=Media.Status.READY, wanted_public=True, public_secret="").first()
    if medium is None:
        return
    secret = objects.new_secret()
    copied = False
    try:
        for variant in medium.variants:
            storage.publish(
                private_key(medium, variant), to=public_key(secret, variant), content_type=variant["content_type"]
            )
        still_wanted = Media.objects.filter(
            pk=media_id, wanted_public=True, public_secret="", private_secret=medium.private_secret
        )
        copied = bool(still_wanted.update(public_secret=secret))
    finally:
        if not copied:
            objects.doom(objects.public_variants(medium, secret))
