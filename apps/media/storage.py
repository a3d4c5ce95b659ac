"""Object storage: the S3 buckets of `STORAGES`, through django-storages.

    default      the private bucket: originals, variants, exports
    public       copies of variants that everybody may see
    interactive  the private bucket with short timeouts, for API requests
    presigned    the private bucket under the address that clients use

Files are saved by Django's storage API. What that API lacks (copies inside storage, conditional reads, batch deletes,
upload URLs) goes through the boto3 client of the storage. Errors of both become `StorageError`. Nothing is retried
here: a request answers 503, and the sweep repeats a job.
"""

import base64
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

import structlog
from botocore.exceptions import BotoCoreError, ClientError
from django.conf import settings
from django.core.files.storage import storages
from django.core.files.uploadedfile import UploadedFile
from django.core.signals import setting_changed
from django.utils.translation import gettext_lazy as _

from apps.core.errors import Unavailable
from apps.core.ops.availability import AvailabilityLog

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from storages.backends.s3 import S3Storage

log = structlog.get_logger(__name__)
# Names of `STORAGES`.
PRIVATE, PUBLIC, INTERACTIVE, PRESIGNED = "default", "public", "interactive", "presigned"
# The longest that one download may take, in seconds; a lease is longer.
LONGEST_DOWNLOAD = 20.0
CHUNK = 1024 * 1024
# The headers of an object that a backup keeps, as the S3 API names them.
SERVED_WITH = ("ContentType", "CacheControl", "ContentDisposition")
NOT_FOUND = {"404", "NoSuchKey", "NotFound", "412", "PreconditionFailed"}


class StorageUnavailable(Unavailable):
    code, title = "storage_unavailable", _("Uploads are temporarily unavailable; try again.")


class StorageError(Exception):
    """Storage did not answer or refused the request. Jobs try again."""


class ObjectNotFound(StorageError):
    """There is no such object, or not in the version asked for."""


@dataclass(frozen=True)
class StoredObject:
    """What storage knows about an object; `sha256` in hex, empty if storage has none."""

    bytes: int
    content_type: str
    etag: str
    sha256: str


@dataclass(frozen=True)
class ListedObject:
    """One line of a listing."""

    key: str
    etag: str
    bytes: int
    modified: datetime


def client(alias: str = PRIVATE) -> "S3Client":
    """The boto3 client of a storage, for any bucket. All threads share it: boto3 clients allow that, and the storage's
    `connection` would load the S3 API again for each thread."""
    shared: S3Client = _storage(alias).bucket.meta.client
    return shared


def _storage(alias: str) -> "S3Storage":
    return cast("S3Storage", storages[alias])


@contextmanager
def _translated() -> Iterator[None]:
    """Turn botocore's errors into ObjectNotFound or StorageError."""
    try:
        yield
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code")
        raise (ObjectNotFound if code in NOT_FOUND else StorageError)(str(error)) from error
    except BotoCoreError as error:
        raise StorageError(str(error)) from error


# ── Availability ─────────────────────────────────────────────────────────────────────────────────────────
class AvailabilityCheck:
    """Asks storage at most every few seconds whether it answers, instead of once for each upload."""

    VALID_FOR = 5.0  # seconds

    def __init__(self) -> None:
        self._log = AvailabilityLog(log, unavailable="storage_unavailable", recovered="storage_recovered")
        self.reset()

    def reset(self) -> None:
        self._checked_at = float("-inf")
        self._available = False

    def is_available(self) -> bool:
        if time.monotonic() - self._checked_at > self.VALID_FOR:
            self._available = self._answers()
            self._checked_at = time.monotonic()
        return self._available

    def _answers(self) -> bool:
        try:
            ping()
        except StorageError as error:
            self._log.record_failure(error=str(error))
            return False
        self._log.record_answer()
        return True


_availability = AvailabilityCheck()


def require_available() -> None:
    """Raises StorageUnavailable if storage did not answer within the last seconds."""
    if not _availability.is_available():
        raise StorageUnavailable


def ping() -> None:
    """Raises StorageError if storage does not answer for the private bucket."""
    with _translated():
        client(INTERACTIVE).head_bucket(Bucket=settings.S3_PRIVATE_BUCKET)


# ── Uploads ──────────────────────────────────────────────────────────────────────────────────────────────
def presign_put(key: str, *, content_type: str, length: int, sha256: str) -> tuple[str, dict[str, str]]:
    """The URL and the headers of an upload to `key`. Storage refuses another type, length or, if given, hash (hex).

    Content-Length is signed, too, but every client sets it by itself, and browsers refuse to let a page set it.
    """
    params: dict[str, Any] = {
        "Bucket": settings.S3_PRIVATE_BUCKET,
        "Key": key,
        "ContentType": content_type,
        "ContentLength": length,
    }
    headers = {"Content-Type": content_type}
    if sha256:
        checksum = base64.b64encode(bytes.fromhex(sha256)).decode()
        params["ChecksumSHA256"] = checksum
        headers["x-amz-checksum-sha256"] = checksum
    seconds = int(settings.MEDIA_UPLOAD_LIFETIME.total_seconds())
    return client(PRESIGNED).generate_presigned_url("put_object", Params=params, ExpiresIn=seconds), headers


def copy_upload(key: str, *, to: str) -> StoredObject | None:
    """Copy what a client has uploaded to `key` to a key that only the server writes. Returns the copy, or None if
    nothing was uploaded. Raises StorageError."""
    bucket = settings.S3_PRIVATE_BUCKET
    try:
        with _translated():
            client(INTERACTIVE).copy_object(Bucket=bucket, Key=to, CopySource={"Bucket": bucket, "Key": key})
    except ObjectNotFound:
        return None
    return head(to)


def head(key: str) -> StoredObject | None:
    """The object at `key` in the private bucket, or None. Raises StorageError."""
    bucket = settings.S3_PRIVATE_BUCKET
    try:
        with _translated():
            found = client(INTERACTIVE).head_object(Bucket=bucket, Key=key, ChecksumMode="ENABLED")
    except ObjectNotFound:
        return None
    checksum = found.get("ChecksumSHA256", "")
    return StoredObject(
        bytes=found["ContentLength"],
        content_type=found.get("ContentType", ""),
        etag=found["ETag"],
        sha256=base64.b64decode(checksum).hex() if checksum else "",
    )


# ── Objects ──────────────────────────────────────────────────────────────────────────────────────────────
def exists(bucket: str, key: str) -> bool:
    """Raises StorageError."""
    try:
        with _translated():
            client().head_object(Bucket=bucket, Key=key)
    except ObjectNotFound:
        return False
    return True


def save(key: str, content: IO[bytes], *, content_type: str, alias: str = PRIVATE) -> None:
    """Write an object with the caching headers of its storage. Raises StorageError."""
    with _translated():
        storages[alias].save(key, UploadedFile(content, name=key, content_type=content_type))


def save_archive(key: str, source: Path, *, name: str) -> None:
    """Write a zip of any size to the private bucket; a browser saves it as `name`. Raises StorageError."""
    headers = {
        "ContentType": "application/zip",
        "ContentDisposition": f'attachment; filename="{name}"',
        "CacheControl": "private, no-store",
    }
    with source.open("rb") as body, _translated():
        _upload(settings.S3_PRIVATE_BUCKET, key, body, headers)


def download(key: str, *, etag: str, to: Path) -> None:
    """Fetch exactly the version with `etag`. Raises ObjectNotFound if it is no longer there, StorageError if it is
    larger than MEDIA_MAX_BYTES or takes longer than LONGEST_DOWNLOAD, OSError if the disk is full."""
    deadline = time.monotonic() + LONGEST_DOWNLOAD
    with _translated():
        found = client().get_object(Bucket=settings.S3_PRIVATE_BUCKET, Key=key, IfMatch=etag)
        if found["ETag"] != etag:
            raise ObjectNotFound(key)
        if found["ContentLength"] > settings.MEDIA_MAX_BYTES:
            raise StorageError(f"{key}: {found['ContentLength']} bytes")
        with to.open("wb") as file:
            for chunk in found["Body"].iter_chunks(CHUNK):
                file.write(chunk)
                if time.monotonic() > deadline:
                    raise StorageError(f"{key}: not downloaded after {LONGEST_DOWNLOAD} s")


def read(key: str) -> Iterator[bytes]:
    """An object of the private bucket, in chunks. Raises ObjectNotFound before the first chunk, StorageError at any."""
    with _translated():
        yield from client().get_object(Bucket=settings.S3_PRIVATE_BUCKET, Key=key)["Body"].iter_chunks(CHUNK)


def copy(key: str, *, to: str) -> None:
    """Copy an object within the private bucket, with its headers. Raises StorageError."""
    bucket = settings.S3_PRIVATE_BUCKET
    with _translated():
        client().copy_object(Bucket=bucket, Key=to, CopySource={"Bucket": bucket, "Key": key})


def publish(key: str, *, to: str, content_type: str) -> None:
    """Copy an object of the private bucket into the public one, with the public caching headers. Raises
    StorageError."""
    with _translated():
        client().copy_object(
            Bucket=settings.S3_PUBLIC_BUCKET,
            Key=to,
            CopySource={"Bucket": settings.S3_PRIVATE_BUCKET, "Key": key},
            MetadataDirective="REPLACE",
            ContentType=content_type,
            **_storage(PUBLIC).get_object_parameters(to),
        )


def delete(bucket: str, keys: Collection[str]) -> set[str]:
    """Delete up to 1,000 objects; deleting a missing object succeeds. Returns the keys that storage refused to
    delete. Raises StorageError."""
    listed: Any = [{"Key": key} for key in keys]
    with _translated():
        answer = client().delete_objects(Bucket=bucket, Delete={"Objects": listed, "Quiet": True})
    return {refused["Key"] for refused in answer.get("Errors", [])}


def listing(bucket: str, prefix: str = "") -> Iterator[ListedObject]:
    """All objects in the order of their keys, a page of 1,000 at a time. Raises StorageError."""
    pages = client().get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    with _translated():
        for page in pages:
            for entry in page.get("Contents", []):
                yield ListedObject(entry["Key"], entry["ETag"], entry["Size"], entry["LastModified"])


def abort_multipart_uploads(prefix: str, *, before: datetime) -> int:
    """Abort multipart uploads to the private bucket that were started before and never completed; their parts are in
    no listing. Returns how many. Raises StorageError."""
    bucket = settings.S3_PRIVATE_BUCKET
    aborted = 0
    with _translated():
        for page in client().get_paginator("list_multipart_uploads").paginate(Bucket=bucket, Prefix=prefix):
            for upload in page.get("Uploads", []):
                if upload["Initiated"] < before:
                    client().abort_multipart_upload(Bucket=bucket, Key=upload["Key"], UploadId=upload["UploadId"])
                    aborted += 1
    return aborted


# ── Backups ──────────────────────────────────────────────────────────────────────────────────────────────
def fetch(bucket: str, key: str, *, to: Path) -> dict[str, str]:
    """Download an object of any bucket and return its headers (SERVED_WITH). Raises ObjectNotFound, StorageError."""
    with to.open("wb") as file, _translated():
        found = client().get_object(Bucket=bucket, Key=key)
        for chunk in found["Body"].iter_chunks(CHUNK):
            file.write(chunk)
    return {name: str(found[name]) for name in SERVED_WITH if found.get(name)}  # type: ignore[literal-required]


def put_back(bucket: str, key: str, source: Path, *, headers: dict[str, str], in_parts: bool) -> str:
    """Upload what `fetch` has downloaded, in one request or in parts, and return its ETag, which depends on that.
    Raises StorageError."""
    with source.open("rb") as body, _translated():
        if in_parts:
            _upload(bucket, key, body, headers)
            return client().head_object(Bucket=bucket, Key=key)["ETag"]
        served: Any = headers
        return client().put_object(Bucket=bucket, Key=key, Body=body, **served)["ETag"]


def _upload(bucket: str, key: str, body: IO[bytes], headers: dict[str, str]) -> None:
    """In parts if the file is large."""
    client().upload_fileobj(body, bucket, key, ExtraArgs=headers, Config=_storage(PRIVATE).transfer_config)


def _reset_availability(*, setting: str, **_: Any) -> None:
    if setting == "STORAGES":
        _availability.reset()


setting_changed.connect(_reset_availability)


def upload_origins() -> list[str]:
    """The origins whose pages may upload: those that may call the API, and our own pages. Empty if all may."""
    if settings.CORS_ALLOW_ALL_ORIGINS and not settings.CORS_ALLOWED_ORIGINS:
        return []
    own = urlsplit(settings.PUBLIC_URL)
    return sorted({*settings.CORS_ALLOWED_ORIGINS, f"{own.scheme}://{own.netloc}"})
