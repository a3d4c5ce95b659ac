"""The objects of media in storage: their keys, and their deletion together with the rows."""

import secrets
from collections.abc import Iterable
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from apps.media.models import Media, PendingDeletion
from apps.media.querysets import MediaQuerySet
from apps.media.urls import private_key, public_key

Objects = list[tuple[str, str]]  # (bucket, key)
# Prefixes in the private bucket: what clients PUT, and the checked copies that only the server writes.
UPLOADS, ORIGINALS = "uploads/", "originals/"
# An upload that begins just before its URL expires may take this long.
SLOWEST_UPLOAD = timedelta(hours=1)


def new_secret() -> str:
    """192 random bits for a key that cannot be guessed and is unrelated to any id."""
    return secrets.token_urlsafe(24)


def private_variants(medium: Media) -> Objects:
    return [(settings.S3_PRIVATE_BUCKET, private_key(medium, variant)) for variant in medium.variants]


def public_variants(medium: Media) -> Objects:
    """The copies in the public bucket; none without a `public_secret`."""
    if not medium.public_secret:
        return []
    return [(settings.S3_PUBLIC_BUCKET, public_key(medium.public_secret, variant)) for variant in medium.variants]


def schedule_deletion(objects: Iterable[tuple[str, str]], *, due_at: datetime | None = None) -> None:
    """Record objects to be deleted, in the transaction of the change that makes them obsolete. The sweep deletes
    them."""
    due = due_at or timezone.now()
    PendingDeletion.objects.bulk_create(PendingDeletion(bucket=bucket, key=key, due_at=due) for bucket, key in objects)


def schedule_original_deletion(key: str) -> None:
    """As `schedule_deletion`. If a client still has an upload URL for the key, delete it again after that expires."""
    original = (settings.S3_PRIVATE_BUCKET, key)
    schedule_deletion([original])
    if key.startswith(UPLOADS):
        schedule_deletion([original], due_at=timezone.now() + settings.MEDIA_UPLOAD_LIFETIME + SLOWEST_UPLOAD)


@transaction.atomic
def delete_media(media: MediaQuerySet) -> int:
    """Delete the rows, which are read again under lock, and schedule the deletion of all their objects. Returns the
    number of rows."""
    rows = list(media.select_for_update().order_by("pk"))
    for medium in rows:
        schedule_original_deletion(medium.original_key)
        schedule_deletion([*private_variants(medium), *public_variants(medium)])
    Media.objects.filter(pk__in=[medium.pk for medium in rows]).delete()
    return len(rows)


def request_reprocessing(media: MediaQuerySet) -> int:
    """Have the variants made again from the originals; the present ones stay until the new ones are there. Returns
    for how many media. Media without an original and media in the pipeline are left out."""
    now = timezone.now()
    done = media.filter(status__in=[Media.Status.FAILED, Media.Status.READY]).exclude(original_etag="")
    return done.update(
        status=Media.Status.UPLOADED,
        attempts=0,
        leased_until=None,
        uploaded_at=now,
        next_attempt_at=now,
        error_code="",
        error_detail="",
    )
