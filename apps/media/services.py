"""Write operations on media: start and complete an upload, use a medium, make it public or private, delete it."""

from collections.abc import Iterable, Sequence
from math import ceil
from typing import TYPE_CHECKING
from uuid import UUID

from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import transaction
from django.db.models import Case, Count, F, Sum, When
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from apps.core.errors import BadRequest, Conflict, Invalid, NotFound, TooManyRequests, Unprocessable
from apps.core.limits import RateLimitState
from apps.core.media_types import media_type
from apps.core.tasks import outbox
from apps.core.tasks.leased import ENQUEUE_PERIOD
from apps.media import objects, scheduling, storage, tasks
from apps.media.containers import ACCEPTED_TYPES
from apps.media.models import Media
from apps.media.querysets import MediaQuerySet
from apps.safety import terms

if TYPE_CHECKING:
    from celery import Task


class UnsupportedMediaType(BadRequest):
    code, title = "unsupported_media_type", _("JPEG, PNG, WebP, GIF, HEIC or AVIF only.")


class FileTooLarge(BadRequest):
    code, title = "file_too_large", _("The file is too large.")


class UploadQuotaExceeded(Conflict):
    code, title = "upload_quota_exceeded", _("Post or delete some of your uploads first.")


class ProcessingBudgetExceeded(TooManyRequests):
    code, title = "processing_budget_exceeded", _("Your uploads have used the processing time of this hour.")


class UploadMissing(Conflict):
    code, title = "upload_missing", _("Nothing has been uploaded yet.")


class UploadMismatch(Unprocessable):
    code, title = "upload_mismatch", _("What was uploaded is not what was declared.")


class MediaInUse(Conflict):
    code, title = "media_in_use", _("This medium is in a post or is your avatar.")


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
    """Create a pending medium, for which `storage.presign_put` signs the upload. `length` in bytes, `sha256` in hex.

    Raises UnsupportedMediaType, FileTooLarge, UploadQuotaExceeded, ProcessingBudgetExceeded, BlockedText.
    """
    # Terms that are only reported are reported when the medium is posted.
    terms.screen(alt_text=alt_text)
    content_type = media_type(content_type)
    if content_type not in ACCEPTED_TYPES:
        raise UnsupportedMediaType
    if length > settings.MEDIA_MAX_BYTES:
        raise FileTooLarge(_("At most {most} bytes.").format(most=settings.MEDIA_MAX_BYTES))
    _require_budget(owner_id)
    _require_quota(owner_id, length)
    return Media.objects.create(
        owner_id=owner_id,
        content_type=content_type,
        bytes=length,
        purpose=purpose,
        alt_text=alt_text,
        sha256=sha256,
        original_key=f"{objects.UPLOADS}{objects.new_secret()}",
    )


def _require_budget(owner_id: UUID) -> None:
    """Raises ProcessingBudgetExceeded."""
    if until := scheduling.over_budget_until(owner_id):
        seconds = ceil((until - timezone.now()).total_seconds())
        state = RateLimitState(settings.MEDIA_PROCESSING_SECONDS_PER_HOUR, 0, seconds, exceeded=True)
        raise ProcessingBudgetExceeded(headers=state.headers)


def _require_quota(owner_id: UUID, length: int) -> None:
    """Unused media count, whether their upload is complete or not, since they fill storage. The lock serialises
    concurrent uploads of an owner. Raises UploadQuotaExceeded."""
    get_user_model().objects.select_for_update(no_key=True).filter(pk=owner_id).first()
    unused = Media.objects.owned_by(owner_id).unused().aggregate(number=Count("pk"), bytes=Sum("bytes", default=0))
    if unused["number"] >= settings.MEDIA_PENDING_UPLOADS_PER_USER:
        raise UploadQuotaExceeded
    if unused["bytes"] + length > settings.MEDIA_PENDING_BYTES_PER_USER:
        raise UploadQuotaExceeded


def complete_upload(medium: Media) -> Media:
    """Compare the uploaded object with what was declared, and give it to the pipeline. Idempotent.

    The upload is copied to a key that only the server writes; the copy is checked and processed, so that a later PUT
    changes nothing. Raises UploadMissing, UploadMismatch, NotFound if the medium was deleted meanwhile,
    storage.StorageUnavailable.
    """
    if medium.status != Media.Status.PENDING:
        return medium
    key = f"{objects.ORIGINALS}{objects.new_secret()}"
    try:
        found = storage.copy_upload(medium.original_key, to=key)
    except storage.StorageError as error:
        objects.schedule_original_deletion(key)
        raise storage.StorageUnavailable from error
    if found is None:
        raise UploadMissing
    if not _is_as_declared(found, medium):
        objects.schedule_original_deletion(key)
        raise UploadMismatch
    _hand_over(medium, key, found)
    completed: Media | None = Media.objects.filter(pk=medium.pk).first()
    if completed is None:
        raise NotFound
    return completed


def _is_as_declared(found: storage.StoredObject, medium: Media) -> bool:
    """If storage keeps no hashes, the pipeline compares the hash."""
    same_hash = not medium.sha256 or not found.sha256 or found.sha256 == medium.sha256
    same_type = media_type(found.content_type) == media_type(medium.content_type)
    return found.bytes == medium.bytes and same_type and same_hash


@transaction.atomic
def _hand_over(medium: Media, key: str, found: storage.StoredObject) -> None:
    """Of two concurrent requests one wins; the copy of the other is deleted."""
    now = timezone.now()
    moved = Media.objects.filter(pk=medium.pk, status=Media.Status.PENDING).update(
        status=Media.Status.UPLOADED,
        original_key=key,
        original_etag=found.etag,
        uploaded_at=now,
        next_attempt_at=now + ENQUEUE_PERIOD,
    )
    objects.schedule_original_deletion(medium.original_key if moved else key)
    if moved:
        tasks.process_upload.delay(media_id=str(medium.pk))


@transaction.atomic
def reprocess(medium: Media) -> bool:
    """Make the variants again from the original; the old ones stay until the new ones are there. False if there is no
    original, or the pipeline is working on it."""
    requested = bool(objects.request_reprocessing(Media.objects.filter(pk=medium.pk)))
    if requested:
        tasks.process_upload.delay(media_id=str(medium.pk))
    return requested


# ── Using ────────────────────────────────────────────────────────────────────────────────────────────────
@transaction.atomic(savepoint=False)
def claim_for_post(owner_id: UUID, media_ids: Sequence[UUID]) -> list[Media]:
    """Lock media for a post and return them in the order given, with status, ban and alt text only.

    Attach them in the same transaction (`attach_to_post`). Raises Invalid, naming each medium that belongs to another
    user, has no completed upload, has failed or is in use. The error does not say which of these is the reason.
    """
    claimable = Media.objects.owned_by(owner_id).postable().filter(pk__in=media_ids)
    rows = claimable.only("status", "blocked_as", "alt_text").order_by("pk").select_for_update()
    found = {medium.pk: medium for medium in rows}
    if unusable := [place for place, pk in enumerate(media_ids) if pk not in found]:
        raise Invalid(
            **{
                f"media_ids.{place}": ("invalid_media", _("No medium of yours that can be posted."))
                for place in unusable
            }
        )
    return [found[pk] for pk in media_ids]


def attach_to_post(media_ids: Sequence[UUID]) -> None:
    """Mark claimed media as used by a post."""
    Media.objects.filter(pk__in=media_ids).update(in_use=True)


@transaction.atomic
def use_as_avatar(owner_id: UUID, media_id: UUID, *, field: str) -> Media:
    """Mark a medium as an avatar, whatever it was uploaded for, and make it public. Raises Invalid, naming `field`,
    unless it belongs to the owner, is ready and is not in use."""
    usable = Media.objects.owned_by(owner_id).unused().filter(pk=media_id, status=Media.Status.READY)
    medium: Media | None = usable.select_for_update().first()
    if medium is None:
        raise Invalid(**{field: ("invalid_media", _("No medium of yours that can be your avatar."))})
    medium.in_use, medium.purpose = True, Media.Purpose.AVATAR
    medium.save(update_fields=["in_use", "purpose"])
    make_public([medium.pk])
    return medium


def set_alt_text(media_id: UUID, text: str) -> None:
    Media.objects.filter(pk=media_id).update(alt_text=text)


# ── Showing and hiding ───────────────────────────────────────────────────────────────────────────────────
@transaction.atomic(savepoint=False)
def make_public(media_ids: Iterable[UUID]) -> None:
    """Everybody may see these media: have copies made in the public bucket, under keys that were not used before."""
    hidden = _lock(Media.objects.filter(pk__in=list(media_ids), wanted_public=False))
    Media.objects.filter(pk__in=[medium.pk for medium in hidden]).update(
        wanted_public=True, next_attempt_at=_next_attempt()
    )
    _enqueue(tasks.publish_variants, _ready(hidden))


@transaction.atomic(savepoint=False)
def make_private(media_ids: Iterable[UUID]) -> None:
    """Not everybody may see these media any more: all URLs of those that were public stop working, public and signed
    ones. Media that were not public keep their URLs."""
    _revoke(Media.objects.filter(pk__in=list(media_ids), wanted_public=True))


@transaction.atomic(savepoint=False)
def revoke_urls(media_ids: Iterable[UUID]) -> None:
    """Only the owner may see these media any more (after a takedown or a suspension): all their URLs stop working."""
    _revoke(Media.objects.filter(pk__in=list(media_ids)))


def _revoke(media: MediaQuerySet) -> None:
    """Schedule the deletion of the public copies in this transaction; move the variants to new keys in a task."""
    chosen = _lock(media)
    copies = [copy for medium in chosen for copy in objects.public_variants(medium)]
    objects.schedule_deletion(copies)
    Media.objects.filter(pk__in=[medium.pk for medium in chosen]).update(
        wanted_public=False, public_secret="", urls_revoked=True, next_attempt_at=_next_attempt()
    )
    _enqueue(tasks.move_variants, _ready(chosen))
    if copies:
        tasks.delete_pending_objects.delay()


def _lock(media: MediaQuerySet) -> list[Media]:
    """In the order of the ids, so that two transactions cannot deadlock."""
    return list(media.select_for_update(no_key=True).order_by("pk"))


def _ready(media: Iterable[Media]) -> list[UUID]:
    return [medium.pk for medium in media if medium.status == Media.Status.READY]


def _next_attempt() -> Case:
    """The sweep enqueues a ready medium again if its task is lost. For any other, the pipeline sets the time when it
    has finished."""
    return Case(When(status=Media.Status.READY, then=timezone.now() + ENQUEUE_PERIOD), default=F("next_attempt_at"))


def _enqueue(task: "Task[..., None]", media_ids: Iterable[UUID]) -> None:
    with outbox.batch():
        for media_id in media_ids:
            task.delay(media_id=str(media_id))


# ── Deleting ───────────────────────────────────────────────────────────────────────────────────────────────
@transaction.atomic
def destroy(media_ids: Iterable[UUID]) -> None:
    """Delete the rows, and schedule the deletion of their objects."""
    if objects.delete_media(Media.objects.filter(pk__in=list(media_ids))):
        tasks.delete_pending_objects.delay()


@transaction.atomic
def delete_upload(medium: Media) -> None:
    """Raises MediaInUse, NotFound."""
    locked = Media.objects.select_for_update().filter(pk=medium.pk).first()
    if locked is None:
        raise NotFound
    if locked.in_use:
        raise MediaInUse
    destroy([locked.pk])
