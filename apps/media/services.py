"""The verbs of media: promise an upload, complete it, use it, show it, hide it, destroy it."""

from collections.abc import Iterable, Sequence
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Sum
from django.utils import timezone

from apps.core.errors import BadRequest, Conflict, Invalid, Unprocessable
from apps.media import objects, storage, tasks
from apps.media.models import Media

CONTENT_TYPES = frozenset({"image/jpeg", "image/png", "image/webp", "image/gif", "image/heic", "image/avif"})


class UnsupportedMediaType(BadRequest):
    code, title = "unsupported_media_type", "JPEG, PNG, WebP, GIF, HEIC or AVIF only."


class FileTooLarge(BadRequest):
    code, title = "file_too_large", "The file is too large."


class UploadQuotaExceeded(Conflict):
    code, title = "upload_quota_exceeded", "Complete or delete some of your open uploads first."


class UploadMissing(Conflict):
    code, title = "upload_missing", "Nothing has been uploaded yet."


class UploadMismatch(Unprocessable):
    code, title = "upload_mismatch", "What was uploaded is not what was declared."


class MediaInUse(Conflict):
    code, title = "media_in_use", "This medium is in a post or is your avatar."


# ── Uploading ────────────────────────────────────────────────────────────────────────────────────────────
@transaction.atomic
def begin_upload(
    *,
    owner_id: UUID,
    content_type: str,
    length: int,
    purpose: str = Media.Purpose.POST,
    alt_text: str = "",
    sha256: str = "",
) -> Media:
    """A pending medium, for which `storage.presign_put` signs the upload. `length` in bytes, `sha256` in hex.

    Raises UnsupportedMediaType, FileTooLarge, UploadQuotaExceeded.
    """
    if content_type not in CONTENT_TYPES:
        raise UnsupportedMediaType
    if length > settings.MEDIA_MAX_BYTES:
        raise FileTooLarge(f"At most {settings.MEDIA_MAX_BYTES} bytes.")
    pending = Media.objects.owned_by(owner_id).filter(status=Media.Status.PENDING)
    open_bytes = pending.aggregate(total=Sum("bytes"))["total"] or 0
    too_many = pending.count() >= settings.MEDIA_PENDING_UPLOADS_PER_USER
    if too_many or open_bytes + length > settings.MEDIA_PENDING_BYTES_PER_USER:
        raise UploadQuotaExceeded
    return Media.objects.create(
        owner_id=owner_id,
        content_type=content_type,
        bytes=length,
        purpose=purpose,
        alt_text=alt_text,
        sha256=sha256,
        original_key=f"originals/{objects.new_secret()}",
    )


def complete_upload(medium: Media) -> Media:
    """Check what lies in storage against what was declared, and hand it to the pipeline. Twice is once.

    Raises UploadMissing, UploadMismatch, storage.StorageUnavailable.
    """
    if medium.status != Media.Status.PENDING:
        return medium
    try:
        found = storage.head(medium.original_key)
    except storage.StorageError as error:
        raise storage.StorageUnavailable from error
    if found is None:
        raise UploadMissing
    if (found.bytes, found.content_type) != (medium.bytes, medium.content_type):
        raise UploadMismatch
    if medium.sha256 and found.sha256 and found.sha256 != medium.sha256:
        raise UploadMismatch
    with transaction.atomic():
        # The version checked here is the one the pipeline will ask storage for.
        moved = Media.objects.filter(pk=medium.pk, status=Media.Status.PENDING).update(
            status=Media.Status.UPLOADED, original_etag=found.etag, uploaded_at=timezone.now()
        )
        if moved:
            tasks.process_upload.delay(media_id=str(medium.pk))
    medium.refresh_from_db()
    return medium


@transaction.atomic
def reprocess(medium: Media) -> None:
    """Make the variants again from the original; the old ones stay until the new ones are there."""
    objects.want_again(medium)
    tasks.process_upload.delay(media_id=str(medium.pk))


# ── Using ────────────────────────────────────────────────────────────────────────────────────────────────
@transaction.atomic
def claim_for_post(owner_id: UUID, media_ids: Sequence[UUID]) -> list[Media]:
    """Take media into a post, in the order given. Raises Invalid, naming each that is not one's own, not uploaded, or
    in use; which of these it is, it does not tell."""
    usable = (
        Media.objects.owned_by(owner_id)
        .filter(pk__in=media_ids, purpose=Media.Purpose.POST, in_use=False)
        .exclude(status__in=[Media.Status.PENDING, Media.Status.FAILED])
    )
    found = {medium.pk: medium for medium in usable.select_for_update().order_by("pk")}
    if unusable := [place for place, pk in enumerate(media_ids) if pk not in found]:
        raise Invalid(
            **{f"media_ids.{place}": ("invalid_media", "No medium of yours that can be posted.") for place in unusable}
        )
    Media.objects.filter(pk__in=found).update(in_use=True)
    return [found[pk] for pk in media_ids]


@transaction.atomic
def use_as_avatar(owner_id: UUID, media_id: UUID, *, field: str) -> Media:
    """Raises Invalid, naming `field`, unless it is one's own, ready and not in use."""
    medium = (
        Media.objects.owned_by(owner_id)
        .filter(pk=media_id, status=Media.Status.READY, in_use=False)
        .select_for_update()
        .first()
    )
    if medium is None:
        raise Invalid(**{field: ("invalid_media", "No medium of yours that can be your avatar.")})
    Media.objects.filter(pk=medium.pk).update(in_use=True)
    expose([medium.pk])
    return medium


def set_alt_text(media_id: UUID, text: str) -> None:
    Media.objects.filter(pk=media_id).update(alt_text=text)


# ── Showing and hiding ───────────────────────────────────────────────────────────────────────────────────
@transaction.atomic
def expose(media_ids: Iterable[UUID]) -> None:
    """Everybody may see these: have copies made in the public bucket, under keys not used before."""
    hidden = Media.objects.filter(pk__in=list(media_ids), wanted_public=False)
    for medium_id in hidden.values_list("pk", flat=True):
        tasks.publish_variants.delay(media_id=str(medium_id))
    hidden.update(wanted_public=True)


@transaction.atomic
def conceal(media_ids: Iterable[UUID]) -> None:
    """Not everybody may see these any more: the public copies are doomed in this very transaction."""
    shown = Media.objects.filter(pk__in=list(media_ids), wanted_public=True).select_for_update().order_by("pk")
    doomed = sum(objects.doom(objects.public_variants(medium, medium.public_secret)) for medium in shown)
    Media.objects.filter(pk__in=[medium.pk for medium in shown]).update(wanted_public=False, public_secret="")
    if doomed:
        tasks.delete_doomed_objects.delay()


@transaction.atomic
def destroy(media_ids: Iterable[UUID]) -> None:
    """Delete the rows, and doom every object of theirs."""
    if objects.destroy(media_ids):
        tasks.delete_doomed_objects.delay()


@transaction.atomic
def delete_upload(medium: Media) -> None:
    """Raises MediaInUse."""
    locked = Media.objects.select_for_update().filter(pk=medium.pk).first()
    if locked is None:
        return
    if locked.in_use:
        raise MediaInUse
    destroy([locked.pk])
