"""Turns planned photos into ready media: renders them in other processes, uploads and processes them."""

import multiprocessing
import os
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx

from apps.media import pipeline, services, storage
from apps.media.models import Media
from apps.media.objects import new_secret
from apps.media.urls import private_key
from demo import photographs
from demo.plan import PlannedPhoto

# The pipeline, which runs in this process, is not faster than this.
MOST_PROCESSES = 4


class PhotoNotProcessed(Exception):
    """The pipeline refused a photo, or storage is unavailable."""


def render(photos: Iterable[PlannedPhoto]) -> Iterator[bytes]:
    """The JPEG files of the photos, in order. Rendered on several cores, since each takes about 0.4 s."""
    # Not a fork, because this process holds connections.
    context = multiprocessing.get_context("spawn")
    executor = ProcessPoolExecutor(max_workers=min(os.cpu_count() or 1, MOST_PROCESSES), mp_context=context)
    try:
        for photograph in [_submit(executor, photo) for photo in photos]:
            yield photograph.result().jpeg
    finally:
        executor.shutdown(cancel_futures=True)


def _submit(executor: ProcessPoolExecutor, photo: PlannedPhoto) -> "Future[photographs.Photograph]":
    shape = (1, 1) if photo.square else None
    return executor.submit(photographs.take, photo.scene, photo.seed, shape=shape, longest=photo.longest)


def upload(jpeg: bytes, photo: PlannedPhoto, owner_id: UUID) -> Media:
    """Upload like a client (begin, PUT to the presigned URL, complete), then process. Returns the ready medium."""
    purpose = Media.Purpose.AVATAR if photo.square else Media.Purpose.POST
    medium = services.begin_upload(
        owner_id=owner_id, content_type="image/jpeg", length=len(jpeg), purpose=purpose, alt_text=photo.alt_text
    )
    url, headers = storage.presign_put(
        medium.original_key, content_type=medium.content_type, length=medium.bytes, sha256=""
    )
    httpx.put(url, content=jpeg, headers=headers, timeout=30).raise_for_status()
    services.complete_upload(medium)
    pipeline.process(medium.pk)
    medium.refresh_from_db()
    if medium.status != Media.Status.READY:
        raise PhotoNotProcessed(f"{photo}: {medium.status} {medium.error_code}")
    return medium


class SharedMedia:
    """Copies a ready medium for other owners, with a row and objects of their own, without processing it again."""

    def __init__(self, medium: Media, jpeg: bytes, folder: Path) -> None:
        self.medium = medium
        self.original = folder / f"{medium.pk}.jpg"
        self.original.write_bytes(jpeg)
        self.variants = [(variant, folder / f"{medium.pk}-{number}") for number, variant in enumerate(medium.variants)]
        for variant, file in self.variants:
            key = private_key(medium, variant)
            found = storage.head(key)
            if found is None:
                raise PhotoNotProcessed(f"{key} is not in storage")
            storage.download(key, etag=found.etag, to=file)

    def copy_for(self, owner_id: UUID) -> Media:
        """A copy of the medium that belongs to `owner_id`."""
        copied = (
            "purpose",
            "alt_text",
            "content_type",
            "bytes",
            "width",
            "height",
            "blurhash",
            "dominant_color",
            "variants",
        )
        values: dict[str, Any] = {name: getattr(self.medium, name) for name in copied}
        copy = Media(
            owner_id=owner_id,
            status=Media.Status.READY,
            original_key=f"originals/{new_secret()}",
            private_secret=new_secret(),
            uploaded_at=self.medium.uploaded_at,
            **values,
        )
        files = [(copy.original_key, self.original, "image/jpeg")]
        files += [(private_key(copy, variant), file, variant["content_type"]) for variant, file in self.variants]
        with ThreadPoolExecutor(len(files)) as threads:
            for written in [threads.submit(_put, *each) for each in files]:
                written.result()
        copy.original_etag = storage.head(copy.original_key).etag  # type: ignore[union-attr]
        copy.save(force_insert=True)
        return copy


def _put(key: str, file: Path, content_type: str) -> None:
    with file.open("rb") as content:
        storage.save(key, content, content_type=content_type)
