"""The verbs of media: promise an upload, complete it, use it, show it, hide it, destroy it."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import transaction
from django.db.models import Count, Sum
from django.utils import timezone

from apps.core.db.statements import array_of, select
from apps.core.errors import BadRequest, Conflict, Invalid, NotFound, Unprocessable
from apps.media import objects, storage, tasks
from apps.media.containers import ACCEPTED_TYPES
from apps.media.models import Media
from apps.media.querysets import MediaQuerySet
from apps.media.sweeps import RING_PERIOD
from apps.safety import terms


class UnsupportedMediaType(BadRequest):
    code, title = "unsupported_media_type", "JPEG, PNG, WebP, GIF, HEIC or AVIF only."


class FileTooLarge(BadRequest):
    code, title = "file_too_large", "The file is too large."


class UploadQuotaExceeded(Conflict):
    code, title = "upload_quota_exceeded", "Post or delete some of your uploads first."


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

    Raises UnsupportedMediaType, FileTooLarge, UploadQuotaExceeded, BlockedText.
    """
    # What is only to be reported is, once it is posted.
    terms.screen(alt_text=alt_text)
    if content_type not in ACCEPTED_TYPES:
        raise UnsupportedMediaType
    if length > settings.MEDIA_MAX_BYTES:
        raise FileTooLarge(f"At most {settings.MEDIA_MAX_BYTES} bytes.")
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


def _require_quota(owner_id: UUID, length: int) -> None:
    """Everything that is not used counts, completed or not: it fills storage all the same. The lock makes of uploads
    begun at once one after the other. Raises UploadQuotaExceeded."""
    get_user_model().objects.select_for_update(no_key=True).filter(pk=owner_id).first()
    held = Media.objects.owned_by(owner_id).unused().aggregate(number=Count("pk"), bytes=Sum("bytes", default=0))
    if held["number"] >= settings.MEDIA_PENDING_UPLOADS_PER_USER:
        raise UploadQuotaExceeded
    if held["bytes"] + length > settings.MEDIA_PENDING_BYTES_PER_USER:
        raise UploadQuotaExceeded


def complete_upload(medium: Media) -> Media:
    """Check what lies in storage against what was declared, and hand it to the pipeline. Twice is once.

    What is checked is a copy that only we write, and that copy is processed: bytes PUT later change nothing.
    Raises UploadMissing, UploadMismatch, NotFound when it was deleted meanwhile, storage.StorageUnavailable.
    """
    if medium.status != Media.Status.PENDING:
        return medium
    key = f"{objects.ORIGINALS}{objects.new_secret()}"
    try:
        found = storage.take_in(medium.original_key, to=key)
    except storage.StorageError as error:
        objects.doom_original(key)
        raise storage.StorageUnavailable from error
    if found is None:
        raise UploadMissing
    if not _is_as_declared(found, medium):
        objects.doom_original(key)
        raise UploadMismatch
    _hand_over(medium, key, found)
    completed = Media.objects.filter(pk=medium.pk).first()
    if completed is None:
        raise NotFound
    return completed


def _is_as_declared(found: storage.Stored, medium: Media) -> bool:
    """Where storage keeps no hashes, the pipeline compares that."""
    same_hash = not medium.sha256 or not found.sha256 or found.sha256 == medium.sha256
    return (found.bytes, found.content_type) == (medium.bytes, medium.content_type) and same_hash


@transaction.atomic
def _hand_over(medium: Media, key: str, found: storage.Stored) -> None:
    """One of two requests at once does it; the other's copy goes."""
    now = timezone.now()
    moved = Media.objects.filter(pk=medium.pk, status=Media.Status.PENDING).update(
        status=Media.Status.UPLOADED,
        original_key=key,
        original_etag=found.etag,
        uploaded_at=now,
        ring_at=now + RING_PERIOD,
    )
    objects.doom_original(medium.original_key if moved else key)
    if moved:
        tasks.process_upload.delay(media_id=str(medium.pk))


@transaction.atomic
def reprocess(medium: Media) -> bool:
    """Make the variants again from the original; the old ones stay until the new ones are there. False when there is
    no original, or the pipeline is at it."""
    wanted = bool(objects.want_again(Media.objects.filter(pk=medium.pk)))
    if wanted:
        tasks.process_upload.delay(media_id=str(medium.pk))
    return wanted


# ── Using ────────────────────────────────────────────────────────────────────────────────────────────────
class Claimed(NamedTuple):
    """Of a medium that is to go into a post, locked."""

    id: UUID
    status: str
    blocked_as: UUID | None
    alt_text: str


CLAIM = """
SELECT id, status, blocked_as, alt_text FROM media_media
WHERE owner_id = %(owner)s AND id = ANY(%(media)s::uuid[]) AND purpose = 'post' AND NOT in_use
    AND status NOT IN ('pending', 'failed')
ORDER BY id FOR UPDATE
"""


@transaction.atomic(savepoint=False)
def claim_for_post(owner_id: UUID, media_ids: Sequence[UUID]) -> list[Claimed]:
    """Lock media for a post, in the order given; `take` them in the same transaction. Raises Invalid, naming each that
    is not one's own, not uploaded, or in use; which of these it is, it does not tell."""
    found = {row[0]: Claimed(*row) for row in select(CLAIM, owner=owner_id, media=array_of(media_ids))}
    if unusable := [place for place, pk in enumerate(media_ids) if pk not in found]:
        raise Invalid(
            **{f"media_ids.{place}": ("invalid_media", "No medium of yours that can be posted.") for place in unusable}
        )
    return [found[pk] for pk in media_ids]


@transaction.atomic
def use_as_avatar(owner_id: UUID, media_id: UUID, *, field: str) -> Media:
    """It is one from then on, whatever it was meant for (accounts/migrations/0009). Raises Invalid, naming `field`,
    unless it is one's own, ready and not in use."""
    usable = Media.objects.owned_by(owner_id).unused().filter(pk=media_id, status=Media.Status.READY)
    medium = usable.select_for_update().first()
    if medium is None:
        raise Invalid(**{field: ("invalid_media", "No medium of yours that can be your avatar.")})
    Media.objects.filter(pk=medium.pk).update(in_use=True)
    expose([medium.pk])
    return medium


def set_alt_text(media_id: UUID, text: str) -> None:
    Media.objects.filter(pk=media_id).update(alt_text=text)


# ── Showing and hiding ───────────────────────────────────────────────────────────────────────────────────
# Those that are ready have a doorbell, and should it be lost, the sweep rings. The others' turn comes when the pipeline
# is done with them.
_LATER = "CASE WHEN media_media.status = 'ready' THEN %(ring_at)s ELSE media_media.ring_at END"
_RING_LATER = f"ring_at = {_LATER}"
_EXPOSE = f"""
WITH hidden AS (
    SELECT id FROM media_media WHERE id = ANY(%(media)s) AND NOT wanted_public
    ORDER BY id FOR NO KEY UPDATE OF media_media
)
UPDATE media_media SET wanted_public = true, {_RING_LATER}
FROM hidden WHERE media_media.id = hidden.id
RETURNING media_media.id, media_media.status = 'ready'
"""  # noqa: S608  (of constants)
_TAKE = f"""
UPDATE media_media SET in_use = true, wanted_public = (media_media.wanted_public OR shown.id IS NOT NULL),
    ring_at = CASE WHEN shown.id IS NULL OR media_media.wanted_public THEN media_media.ring_at ELSE {_LATER} END
FROM unnest(%(media)s::uuid[]) AS taken (id) LEFT JOIN ({{seen_by_all}}) AS shown (id) USING (id)
WHERE media_media.id = taken.id AND {{given}}
RETURNING media_media.id, media_media.status = 'ready'
"""  # noqa: S608  (of constants)
_REVOKE = f"""
UPDATE media_media SET wanted_public = false, public_secret = '', urls_revoked = true, {_RING_LATER}
WHERE id = ANY(%(media)s) RETURNING id, status = 'ready'
"""  # noqa: S608  (of constants)


@transaction.atomic(savepoint=False)
def expose(media_ids: Iterable[UUID]) -> None:
    """Everybody may see these: have copies made in the public bucket, under keys not used before."""
    if chosen := list(media_ids):
        ring_for_copies(_change(_EXPOSE, media=array_of(chosen)))


def take(media_ids: Iterable[UUID], *, seen_by_all: str = "SELECT NULL::uuid", **values: Any) -> None:
    """They are in use; and those whose ids the SQL `seen_by_all` selects, which has placeholders for `values`, are
    exposed. Call it in the transaction that has claimed them, and that rings (`ring_for_copies`). It is one change of
    their rows, since each writes to all their indexes."""
    _change(_TAKE.format(seen_by_all=seen_by_all, given="true"), media=array_of(media_ids), **values)


def taking(*, given: str, seen_by_all: str) -> str:
    """As `take`, as SQL: the UPDATE for a statement whose part `given` has a row if they are taken. Its placeholders
    are `media`, an array of ids, and `ring_at` (`when_to_ring`)."""
    taken = f"EXISTS (SELECT 1 FROM {given})"  # noqa: S608  (of constants)
    return _TAKE.format(seen_by_all=seen_by_all, given=taken)


def when_to_ring() -> datetime:
    """When the sweep rings for what is changed now, should its doorbell be lost."""
    return timezone.now() + RING_PERIOD


def ring_for_copies(media_ids: Iterable[UUID | str]) -> None:
    """A medium of which no copies are wanted, as it turns out, is left alone."""
    for medium_id in media_ids:
        tasks.publish_variants.delay(media_id=str(medium_id))


@transaction.atomic(savepoint=False)
def conceal(media_ids: Iterable[UUID]) -> None:
    """Not everybody may see these any more: every URL given out while everybody did dies, the public copies' and the
    signed ones. What was not public keeps its URLs."""
    _revoke(Media.objects.filter(pk__in=list(media_ids), wanted_public=True))


@transaction.atomic(savepoint=False)
def withdraw(media_ids: Iterable[UUID]) -> None:
    """Those who could see these cannot any more, whoever they were (a takedown, a suspension): every URL dies."""
    _revoke(Media.objects.filter(pk__in=list(media_ids)))


def _revoke(media: MediaQuerySet) -> None:
    """The public copies are doomed in this very transaction; the variants move to keys that nobody has a URL of."""
    chosen = list(media.select_for_update(no_key=True).order_by("pk"))
    public = [copy for medium in chosen for copy in objects.public_variants(medium)]
    objects.doom(public)
    for medium_id in _change(_REVOKE, media=[medium.pk for medium in chosen]):
        tasks.move_variants.delay(media_id=medium_id)
    if public:
        tasks.delete_doomed_objects.delay()


def _change(sql: str, **values: Any) -> list[str]:
    """The ids of those that are ready among what has been changed: their doorbell is the caller's to ring."""
    rows = select(sql, ring_at=when_to_ring(), **values)
    return [str(medium_id) for medium_id, ready in rows if ready]


# ── Ending ───────────────────────────────────────────────────────────────────────────────────────────────
@transaction.atomic
def destroy(media_ids: Iterable[UUID]) -> None:
    """Delete the rows, and doom every object of theirs."""
    if objects.destroy(Media.objects.filter(pk__in=list(media_ids))):
        tasks.delete_doomed_objects.delay()


@transaction.atomic
def delete_upload(medium: Media) -> None:
    """Raises MediaInUse, NotFound."""
    locked = Media.objects.select_for_update().filter(pk=medium.pk).first()
    if locked is None:
        raise NotFound
    if locked.in_use:
        raise MediaInUse
    destroy([locked.pk])
