"""The objects of media in storage, and how they come to their end."""

import secrets
from collections.abc import Iterable
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from apps.media.models import DoomedObject, Media
from apps.media.querysets import MediaQuerySet
from apps.media.urls import private_key, public_key

Objects = list[tuple[str, str]]  # (bucket, key)
# Of keys in the private bucket: what clients PUT, and what was checked and is kept.
UPLOADS, ORIGINALS = "uploads/", "originals/"
# An upload that began just before its URL expired may take so long.
SLOWEST_UPLOAD = timedelta(hours=1)


def new_secret() -> str:
    """192 random bits: a key nobody guesses, unrelated to any id."""
    return secrets.token_urlsafe(24)


def private_variants(medium: Media) -> Objects:
    return [(settings.S3_PRIVATE_BUCKET, private_key(medium, variant)) for variant in medium.variants]


def public_variants(medium: Media) -> Objects:
    """The copies that everybody may fetch; none when there is no `public_secret`."""
    if not medium.public_secret:
        return []
    return [(settings.S3_PUBLIC_BUCKET, public_key(medium.public_secret, variant)) for variant in medium.variants]


def doom(objects: Iterable[tuple[str, str]], *, due_at: datetime | None = None) -> None:
    """Remember that these must be deleted, in the transaction that makes it so; the sweep carries it out."""
    due = due_at or timezone.now()
    DoomedObject.objects.bulk_create(DoomedObject(bucket=bucket, key=key, due_at=due) for bucket, key in objects)


def doom_original(key: str) -> None:
    """As `doom`. Where a client's URL still allows a PUT, once more when it has expired."""
    original = (settings.S3_PRIVATE_BUCKET, key)
    doom([original])
    if key.startswith(UPLOADS):
        doom([original], due_at=timezone.now() + settings.MEDIA_UPLOAD_LIFETIME + SLOWEST_UPLOAD)


@transaction.atomic
def destroy(media: MediaQuerySet) -> int:
    """Delete the rows, which are looked at again under lock, and doom every object of theirs; returns how many rows."""
    rows = list(media.select_for_update().order_by("pk"))
    for medium in rows:
        doom_original(medium.original_key)
        doom([*private_variants(medium), *public_variants(medium)])
    Media.objects.filter(pk__in=[medium.pk for medium in rows]).delete()
    return len(rows)


def want_again(media: MediaQuerySet) -> int:
    """Have the variants made again from the originals; the present ones stay until the new ones are there. Returns for
    how many, leaving out those that have no original or that the pipeline is at."""
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
