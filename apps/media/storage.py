"""Object storage by the S3 protocol: a private bucket for originals and variants, a public one for copies that
everybody may see. Nothing else in the code speaks to it."""

import base64
import functools
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from django.conf import settings
from django.core.signals import setting_changed

from apps.core.errors import Unavailable

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


class StorageUnavailable(Unavailable):
    code, title = "storage_unavailable", "Uploads are temporarily unavailable; try again."


class StorageError(Exception):
    """Storage did not do what was asked, for now. Jobs try again."""


class Vanished(StorageError):
    """There is no such object, or not in the version asked for."""


@dataclass(frozen=True)
class Stored:
    """What storage says of an object."""

    bytes: int
    content_type: str
    etag: str
    sha256: str


@functools.cache
def client(endpoint: str) -> "S3Client":
    return boto3.client(
        "s3",
        endpoint_url=endpoint,
        aws_access_key_id=settings.S3_ACCESS_KEY_ID,
        aws_secret_access_key=settings.S3_SECRET_ACCESS_KEY,
        region_name=settings.S3_REGION,
        config=Config(
            signature_version="s3v4",
            s3={"addressing_style": "path"},
            connect_timeout=2,
            read_timeout=10,
            retries={"total_max_attempts": 1},
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
        ),
    )


def _forget_clients(*, setting: str, **_: Any) -> None:
    if setting.startswith("S3_"):
        client.cache_clear()


setting_changed.connect(_forget_clients)


def _s3() -> "S3Client":
    return client(settings.S3_ENDPOINT_URL)


def _missing(error: ClientError) -> bool:
    return error.response.get("Error", {}).get("Code") in {"404", "NoSuchKey", "NotFound", "412", "PreconditionFailed"}


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


def head(key: str) -> Stored | None:
    """What lies at `key` in the private bucket, or None. Raises StorageError."""
    try:
        found = _s3().head_object(Bucket=settings.S3_PRIVATE_BUCKET, Key=key, ChecksumMode="ENABLED")
    except ClientError as error:
        if _missing(error):
            return None
        raise StorageError(str(error)) from error
    except BotoCoreError as error:
        raise StorageError(str(error)) from error
    checksum = found.get("ChecksumSHA256", "")
    return Stored(
        bytes=found["ContentLength"],
        content_type=found.get("ContentType", ""),
        etag=found["ETag"],
        sha256=base64.b64decode(checksum).hex() if checksum else "",
    )


def download(key: str, *, etag: str, to: Path) -> None:
    """Fetch exactly the version with `etag`. Raises Vanished when it is there no more, StorageError."""
    try:
        found = _s3().get_object(Bucket=settings.S3_PRIVATE_BUCKET, Key=key, IfMatch=etag)
        if found["ETag"] != etag:
            raise Vanished(key)
        with to.open("wb") as file:
            for chunk in found["Body"].iter_chunks(1024 * 1024):
                file.write(chunk)
    except ClientError as error:
        raise (Vanished(key) if _missing(error) else StorageError(str(error))) from error
    except (BotoCoreError, OSError) as error:
        raise StorageError(str(error)) from error


def put(key: str, source: Path, *, content_type: str, cache_control: str) -> None:
    """Write a file to the private bucket. Raises StorageError."""
    with source.open("rb") as body:
        _call(
            "put_object",
            Bucket=settings.S3_PRIVATE_BUCKET,
            Key=key,
            Body=body,
            ContentType=content_type,
            CacheControl=cache_control,
        )


def publish(key: str, *, to: str, content_type: str) -> None:
    """Copy an object of the private bucket into the public one, to be cached for ever. Raises StorageError."""
    _call(
        "copy_object",
        Bucket=settings.S3_PUBLIC_BUCKET,
        Key=to,
        CopySource={"Bucket": settings.S3_PRIVATE_BUCKET, "Key": key},
        MetadataDirective="REPLACE",
        ContentType=content_type,
        CacheControl="public, max-age=31536000, immutable",
    )


def delete(bucket: str, key: str) -> None:
    """Deleting what is not there succeeds. Raises StorageError."""
    _call("delete_object", Bucket=bucket, Key=key)


def _call(operation: str, **params: Any) -> None:
    try:
        getattr(_s3(), operation)(**params)
    except ClientError as error:
        raise (Vanished(str(error)) if _missing(error) else StorageError(str(error))) from error
    except BotoCoreError as error:
        raise StorageError(str(error)) from error


def listing(bucket: str, prefix: str = "") -> Iterator[tuple[str, datetime]]:
    """(key, last modified) of every object, a page of 1,000 at a time. Raises StorageError."""
    try:
        pages = _s3().get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        for page in pages:
            for entry in page.get("Contents", []):
                yield entry["Key"], entry["LastModified"]
    except (ClientError, BotoCoreError) as error:
        raise StorageError(str(error)) from error


def ping() -> None:
    """Raises when storage does not answer for the private bucket."""
    _s3().head_bucket(Bucket=settings.S3_PRIVATE_BUCKET)
