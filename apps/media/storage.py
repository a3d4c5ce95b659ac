"""Object storage by the S3 protocol: a private bucket for originals and variants, a public one for copies that
everybody may see. Nothing else in the code speaks to it.

Requests wait a few seconds for storage at most, jobs longer. Neither tries again by itself: a request answers 503, and
a job's row is found again by the sweep.
"""

import base64
import functools
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import structlog
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from django.conf import settings
from django.core.signals import setting_changed

from apps.core.errors import Unavailable

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

log = structlog.get_logger(__name__)
# Seconds to connect, and to the next byte.
IN_REQUESTS, IN_JOBS = (1.0, 3.0), (2.0, 10.0)
# Seconds that one download may take in all; a lease outlives it.
LONGEST_DOWNLOAD = 20.0
# Large objects go up in parts, one after the other, so that the memory of a worker is bounded.
IN_PARTS = TransferConfig(multipart_threshold=16 * 1024**2, multipart_chunksize=16 * 1024**2, use_threads=False)
# What storage keeps beside the bytes, by its names in the protocol.
SERVED_WITH = ("ContentType", "CacheControl", "ContentDisposition")
PUBLIC_CACHING = "public, max-age=31536000, immutable"


class StorageUnavailable(Unavailable):
    code, title = "storage_unavailable", "Uploads are temporarily unavailable; try again."


class StorageError(Exception):
    """Storage did not do what was asked, for now. Jobs try again."""


class Vanished(StorageError):
    """There is no such object, or not in the version asked for."""


@dataclass(frozen=True)
class Stored:
    """What storage says of an object; `sha256` in hex, empty where storage keeps none."""

    bytes: int
    content_type: str
    etag: str
    sha256: str


@dataclass(frozen=True)
class Entry:
    """One line of a listing."""

    key: str
    etag: str
    bytes: int
    modified: datetime


@functools.cache
def client(endpoint: str, patience: tuple[float, float] = IN_JOBS) -> "S3Client":
    """One for each process; botocore's clients may be shared by threads, its sessions may not."""
    connect, read = patience
    return boto3.session.Session().client(
        "s3",
        endpoint_url=endpoint,
        aws_access_key_id=settings.S3_ACCESS_KEY_ID,
        aws_secret_access_key=settings.S3_SECRET_ACCESS_KEY,
        region_name=settings.S3_REGION,
        config=Config(
            signature_version="s3v4",
            s3={"addressing_style": "path"},
            connect_timeout=connect,
            read_timeout=read,
            retries={"total_max_attempts": 1},
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
        ),
    )


def _s3(patience: tuple[float, float] = IN_JOBS) -> "S3Client":
    return client(settings.S3_ENDPOINT_URL, patience)


@contextmanager
def _translated() -> Iterator[None]:
    """botocore's errors as Vanished or StorageError."""
    try:
        yield
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code")
        missing = code in {"404", "NoSuchKey", "NotFound", "412", "PreconditionFailed"}
        raise (Vanished if missing else StorageError)(str(error)) from error
    except BotoCoreError as error:
        raise StorageError(str(error)) from error


# ── In requests ──────────────────────────────────────────────────────────────────────────────────────────
class Probe:
    """Whether storage answers, asked once in a while and not for each request."""

    REMEMBERED = 5.0  # seconds

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        self._asked_at = float("-inf")
        self._up = False

    def is_up(self) -> bool:
        if time.monotonic() - self._asked_at > self.REMEMBERED:
            self._up = self._answers()
            self._asked_at = time.monotonic()
        return self._up

    @staticmethod
    def _answers() -> bool:
        try:
            ping()
        except StorageError as error:
            log.warning("storage_away", error=str(error))
            return False
        return True


probe = Probe()


def require_up() -> None:
    """Raises StorageUnavailable when storage did not answer a moment ago."""
    if not probe.is_up():
        raise StorageUnavailable


def ping() -> None:
    """Raises StorageError when storage does not answer for the private bucket."""
    with _translated():
        _s3(IN_REQUESTS).head_bucket(Bucket=settings.S3_PRIVATE_BUCKET)


def presign_put(key: str, *, content_type: str, length: int, sha256: str) -> tuple[str, dict[str, str]]:
    """(URL, headers to send): good for exactly that type, number of bytes and, if given, hash (hex)."""
    params: dict[str, Any] = {
        "Bucket": settings.S3_PRIVATE_BUCKET,
        "Key": key,
        "ContentType": content_type,
        "ContentLength": length,
    }
    headers = {"Content-Type": content_type, "Content-Length": str(length)}
    if sha256:
        checksum = base64.b64encode(bytes.fromhex(sha256)).decode()
        params["ChecksumSHA256"] = checksum
        headers["x-amz-checksum-sha256"] = checksum
    seconds = int(settings.MEDIA_UPLOAD_LIFETIME.total_seconds())
    signer = client(settings.S3_PUBLIC_ENDPOINT_URL)
    return signer.generate_presigned_url("put_object", Params=params, ExpiresIn=seconds), headers


def take_in(key: str, *, to: str) -> Stored | None:
    """Copy what a client has PUT at `key` to `to`, where only we write, inside storage; what that copy is, or None if
    nothing lies at `key`. Raises StorageError."""
    bucket = settings.S3_PRIVATE_BUCKET
    try:
        with _translated():
            _s3(IN_REQUESTS).copy_object(Bucket=bucket, Key=to, CopySource={"Bucket": bucket, "Key": key})
    except Vanished:
        return None
    return head(to)


def head(key: str) -> Stored | None:
    """What lies at `key` in the private bucket, or None. Raises StorageError."""
    try:
        with _translated():
            found = _s3(IN_REQUESTS).head_object(Bucket=settings.S3_PRIVATE_BUCKET, Key=key, ChecksumMode="ENABLED")
    except Vanished:
        return None
    checksum = found.get("ChecksumSHA256", "")
    return Stored(
        bytes=found["ContentLength"],
        content_type=found.get("ContentType", ""),
        etag=found["ETag"],
        sha256=base64.b64decode(checksum).hex() if checksum else "",
    )


def exists(bucket: str, key: str) -> bool:
    """Raises StorageError."""
    try:
        with _translated():
            _s3(IN_REQUESTS).head_object(Bucket=bucket, Key=key)
    except Vanished:
        return False
    return True


# ── In jobs ──────────────────────────────────────────────────────────────────────────────────────────────
def download(key: str, *, etag: str, to: Path) -> None:
    """Fetch exactly the version with `etag`. Raises Vanished when it is there no more, StorageError when it is longer
    than MEDIA_MAX_BYTES or takes longer than LONGEST_DOWNLOAD, OSError when the disk is full."""
    deadline = time.monotonic() + LONGEST_DOWNLOAD
    with _translated():
        found = _s3().get_object(Bucket=settings.S3_PRIVATE_BUCKET, Key=key, IfMatch=etag)
        if found["ETag"] != etag:
            raise Vanished(key)
        if found["ContentLength"] > settings.MEDIA_MAX_BYTES:
            raise StorageError(f"{key}: {found['ContentLength']} bytes")
        with to.open("wb") as file:
            for chunk in found["Body"].iter_chunks(1024 * 1024):
                file.write(chunk)
                if time.monotonic() > deadline:
                    raise StorageError(f"{key}: not here after {LONGEST_DOWNLOAD} s")


def read(key: str) -> Iterator[bytes]:
    """An object of the private bucket, in pieces. Raises Vanished before the first, StorageError at any."""
    with _translated():
        yield from _s3().get_object(Bucket=settings.S3_PRIVATE_BUCKET, Key=key)["Body"].iter_chunks(1024 * 1024)


def put(key: str, source: Path, *, content_type: str, cache_control: str) -> None:
    """Write a file to the private bucket. Raises StorageError."""
    with source.open("rb") as body, _translated():
        _s3().put_object(
            Bucket=settings.S3_PRIVATE_BUCKET,
            Key=key,
            Body=body,
            ContentType=content_type,
            CacheControl=cache_control,
        )


def put_archive(key: str, source: Path, *, name: str) -> None:
    """Write a zip of any size to the private bucket, for a browser to save as `name`. Raises StorageError."""
    described = {
        "ContentType": "application/zip",
        "ContentDisposition": f'attachment; filename="{name}"',
        "CacheControl": "private, no-store",
    }
    with source.open("rb") as body, _translated():
        _s3().upload_fileobj(body, settings.S3_PRIVATE_BUCKET, key, ExtraArgs=described, Config=IN_PARTS)


def abort_uploads(prefix: str, *, before: datetime) -> int:
    """End uploads in parts to the private bucket that were begun before and never completed; their parts are in no
    listing. Returns how many. Raises StorageError."""
    bucket = settings.S3_PRIVATE_BUCKET
    aborted = 0
    with _translated():
        for page in _s3().get_paginator("list_multipart_uploads").paginate(Bucket=bucket, Prefix=prefix):
            for upload in page.get("Uploads", []):
                if upload["Initiated"] < before:
                    _s3().abort_multipart_upload(Bucket=bucket, Key=upload["Key"], UploadId=upload["UploadId"])
                    aborted += 1
    return aborted


def publish(key: str, *, to: str, content_type: str) -> None:
    """Copy an object of the private bucket into the public one, to be cached for ever. Raises StorageError."""
    with _translated():
        _s3().copy_object(
            Bucket=settings.S3_PUBLIC_BUCKET,
            Key=to,
            CopySource={"Bucket": settings.S3_PRIVATE_BUCKET, "Key": key},
            MetadataDirective="REPLACE",
            ContentType=content_type,
            CacheControl=PUBLIC_CACHING,
        )


def copy(key: str, *, to: str) -> None:
    """Copy an object within the private bucket, type and caching included. Raises StorageError."""
    bucket = settings.S3_PRIVATE_BUCKET
    with _translated():
        _s3().copy_object(Bucket=bucket, Key=to, CopySource={"Bucket": bucket, "Key": key})


def delete(bucket: str, keys: Collection[str]) -> set[str]:
    """Delete up to 1,000 objects; deleting what is not there succeeds. Returns the keys that storage refused to
    delete. Raises StorageError."""
    listed: Any = [{"Key": key} for key in keys]
    with _translated():
        answer = _s3().delete_objects(Bucket=bucket, Delete={"Objects": listed, "Quiet": True})
    return {refused["Key"] for refused in answer.get("Errors", [])}


def listing(bucket: str, prefix: str = "") -> Iterator[Entry]:
    """Every object, in the order of the keys, a page of 1,000 at a time. Raises StorageError."""
    pages = _s3().get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    with _translated():
        for page in pages:
            for entry in page.get("Contents", []):
                yield Entry(entry["Key"], entry["ETag"], entry["Size"], entry["LastModified"])


def write(bucket: str, key: str, data: bytes, *, content_type: str) -> None:
    """A small object. Raises StorageError."""
    with _translated():
        _s3().put_object(Bucket=bucket, Key=key, Body=data, ContentType=content_type)


# ── For backups ──────────────────────────────────────────────────────────────────────────────────────────
def fetch(bucket: str, key: str, *, to: Path) -> dict[str, str]:
    """An object of any bucket into a file; returns the headers it is served with. Raises Vanished, StorageError."""
    with to.open("wb") as file, _translated():
        found = _s3().get_object(Bucket=bucket, Key=key)
        for chunk in found["Body"].iter_chunks(1024 * 1024):
            file.write(chunk)
    return {name: str(found[name]) for name in SERVED_WITH if found.get(name)}  # type: ignore[literal-required]


def give_back(bucket: str, key: str, source: Path, *, headers: dict[str, str], in_parts: bool) -> str:
    """Write what `fetch` has got, in one piece or in parts, and return the ETag, which hangs on that. Raises
    StorageError."""
    with source.open("rb") as body, _translated():
        if in_parts:
            _s3().upload_fileobj(body, bucket, key, ExtraArgs=headers, Config=IN_PARTS)
            return _s3().head_object(Bucket=bucket, Key=key)["ETag"]
        served: Any = headers
        return _s3().put_object(Bucket=bucket, Key=key, Body=body, **served)["ETag"]


def _forget_clients(*, setting: str, **_: Any) -> None:
    if setting.startswith("S3_"):
        client.cache_clear()
        probe.forget()


setting_changed.connect(_forget_clients)
