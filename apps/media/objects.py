"""The objects of media in storage, and how they come to their end."""

import secrets
from collections.abc import Iterable
from uuid import UUID

from django.conf import settings
from django.db import transaction

from apps.media.models import DoomedObject, Media
from apps.media.urls import private_key, public_key

Objects = list[tuple[str, str]]  # (bucket, key)


def new_secret() -> str:
    """192 random bits: a key nobody guesses, unrelated to any id."""
    return secrets.token_urlsafe(24)


def private_variants(medium: Media) -> Objects:
    return [(settings.S3_PRIVATE_BUCKET, private_key(medium, variant)) for variant in medium.variants]


def public_variants(medium: Media, secret: str) -> Objects:
    """The copies under `secret`; none when it is empty."""
    return [(settings.S3_PUBLIC_BUCKET, public_key(secret, variant)) for variant in medium.variants if secret]


def doom(objects: Iterable[tuple[str, str]]) -> int:
    """Remember that these must be deleted, in the transaction that makes it so; the sweep carries it out."""
    rows = [DoomedObject(bucket=bucket, key=key) for bucket, key in objects]
    DoomedObject.objects.bulk_create(rows)
    return len(rows)


@transaction.atomic
def destroy(media_ids: Iterable[UUID]) -> int:
    """Delete the rows and doom every object of theirs; returns how many objects."""
    rows = list(Media.objects.filter(pk__in=list(media_ids)).select_for_update().order_by("pk"))
    doomed = 0
    for medium in rows:
        original = (settings.S3_PRIVATE_BUCKET, medium.original_key)
        doomed += doom([original, *private_variants(medium), *public_variants(medium, medium.public_secret)])
    Media.objects.filter(pk__in=[medium.pk for medium in rows]).delete()
    return doomed


def want_again(medium: Media) -> None:
    """Have the variants made again from the original; the present ones stay until the new ones are there."""
    done = Media.objects.filter(pk=medium.pk, status__in=[Media.Status.FAILED, Media.Status.READY])
    done.exclude(original_etag="").update(
        status=Media.Status.UPLOADED, attempts=0, leased_until=None, error_code="", error_detail=""
    )
