"""From planned shots to ready media: taken in other processes, uploaded and processed as a client's would be."""

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
from demo.plan import Shot

# The pipeline, in this process, keeps up with no more.
MOST_PROCESSES = 4


class PhotographNotProcessed(Exception):
    """The pipeline refused one of our own photographs, or storage is away."""


def taken(shots: Iterable[Shot]) -> Iterator[bytes]:
    """The JPEG files of the shots, in their order; rendered on several cores, since each takes some 0.4 s."""
    # A fresh interpreter, not a fork: this process holds connections.
    context = multiprocessing.get_context("spawn")
    cores = ProcessPoolExecutor(max_workers=min(os.cpu_count() or 1, MOST_PROCESSES), mp_context=context)
    try:
        for photograph in [_expose(cores, shot) for shot in shots]:
            yield photograph.result().jpeg
    finally:
        cores.shutdown(cancel_futures=True)


def _expose(cores: ProcessPoolExecutor, shot: Shot) -> "Future[photographs.Photograph]":
    shape = (1, 1) if shot.square else None
    return cores.submit(photographs.take, shot.scene, shot.seed, shape=shape, longest=shot.longest)


def uploaded(jpeg: bytes, shot: Shot, owner_id: UUID) -> Media:
    """A ready medium by the path of every upload: announced, PUT to its presigned URL, completed, processed."""
    purpose = Media.Purpose.AVATAR if shot.square else Media.Purpose.POST
    medium = services.begin_upload(
        owner_id=owner_id, content_type="image/jpeg", length=len(jpeg), purpose=purpose, alt_text=shot.alt_text
    )
    url, headers = storage.presign_put(
        medium.original_key, content_type=medium.content_type, length=medium.bytes, sha256=""
    )
    httpx.put(url, content=jpeg, headers=headers, timeout=30).raise_for_status()
    services.complete_upload(medium)
    pipeline.process(medium.pk)
    medium.refresh_from_db()
    if medium.status != Media.Status.READY:
        raise PhotographNotProcessed(f"{shot}: {medium.status} {medium.error_code}")
    return medium


class Prints:
    """A ready medium for others to have, too: each gets a row and objects of their own, without the pipeline's work."""

    def __init__(self, medium: Media, jpeg: bytes, folder: Path) -> None:
        self.medium = medium
        self.original = folder / f"{medium.pk}.jpg"
        self.original.write_bytes(jpeg)
        self.variants = [(variant, folder / f"{medium.pk}-{number}") for number, variant in enumerate(medium.variants)]
        for variant, file in self.variants:
            key = private_key(medium, variant)
            found = storage.head(key)
            if found is None:
                raise PhotographNotProcessed(f"{key} is not in storage")
            storage.download(key, etag=found.etag, to=file)

    def for_(self, owner_id: UUID) -> Media:
        """Another medium like this one, of `owner_id`."""
        alike = (
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
        values: dict[str, Any] = {name: getattr(self.medium, name) for name in alike}
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
