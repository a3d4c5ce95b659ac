"""System checks of object storage: it answers, enforces signatures, and grants access as intended."""

import secrets
import time
from collections.abc import Iterator
from contextlib import suppress
from email.utils import parsedate_to_datetime
from io import BytesIO
from typing import Any
from urllib.parse import urlsplit

import httpx
from django.conf import settings
from django.core.checks import CheckMessage, Error, Info, Warning

from apps.core.ops import installation
from apps.core.ops.installation import host_of
from apps.media import confinement, inventory, storage
from apps.media.models import Media

MAX_CLOCK_DIFFERENCE = 30  # seconds
TIMEOUT_SECONDS = 5
NEWEST = 10_000
ENSURE = "Run manage.py ensure_buckets, or change it in the console of your storage."


@installation.register(
    "storage",
    id="photogram.E200",
    hint="Check that storage is running, and S3_ENDPOINT_URL, the keys and the names of the buckets.",
    address=lambda: host_of(settings.S3_ENDPOINT_URL),
)
def check_storage(**_: Any) -> Iterator[CheckMessage]:
    """Writes a small object into each bucket and deletes it."""
    # Has a short timeout.
    storage.ping()
    name = f"system-check-{secrets.token_urlsafe(24)}"
    started = time.perf_counter()
    try:
        for alias in (storage.PRIVATE, storage.PUBLIC):
            storage.save(name, BytesIO(b"probe"), content_type="text/plain", alias=alias)
        milliseconds = (time.perf_counter() - started) / 2 * 1000
        with httpx.Client(timeout=TIMEOUT_SECONDS) as anonymous:
            yield from _check_access(anonymous, name)
    finally:
        for bucket in (settings.S3_PRIVATE_BUCKET, settings.S3_PUBLIC_BUCKET):
            with suppress(storage.StorageError):
                storage.delete(bucket, [name, f"{name}-signed"])
    yield Info(f"Both buckets accept objects, {milliseconds:.0f} ms each.", id="photogram.I200")


def _check_access(anonymous: httpx.Client, name: str) -> Iterator[CheckMessage]:
    """Without credentials, at each address by which clients or this machine reach storage."""
    for setting, check in (
        ("S3_PUBLIC_ENDPOINT_URL", _check_client_address),
        ("MEDIA_CDN_URL", _check_public_objects),
        ("S3_ENDPOINT_URL", _check_clock),
    ):
        try:
            yield from check(anonymous, name)
        except httpx.HTTPError as error:
            msg = f"{host_of(getattr(settings, setting))}: {type(error).__name__}: {error}"
            hint = f"Check {setting}, and that this machine reaches it."
            yield Error(msg, hint=hint, id="photogram.E201")


def _check_client_address(anonymous: httpx.Client, name: str) -> Iterator[CheckMessage]:
    yield from _check_privacy(anonymous, name)
    yield from _check_signatures(anonymous, name)
    yield from _check_browsers(anonymous)


def _check_privacy(anonymous: httpx.Client, name: str) -> Iterator[CheckMessage]:
    base = settings.S3_PUBLIC_ENDPOINT_URL
    private, public = f"{base}/{settings.S3_PRIVATE_BUCKET}", f"{base}/{settings.S3_PUBLIC_BUCKET}"
    if anonymous.get(f"{private}/{name}").is_success:
        yield Error("The private bucket is readable without a signature.", hint=ENSURE, id="photogram.E202")
    for url in (private, public):
        if anonymous.get(url, params={"list-type": "2"}).is_success:
            yield Error(f"{url} can be listed without a signature.", hint=ENSURE, id="photogram.E203")


def _check_public_objects(anonymous: httpx.Client, name: str) -> Iterator[CheckMessage]:
    response = anonymous.get(f"{settings.MEDIA_CDN_URL}/{name}")
    if not response.is_success:
        msg = f"{settings.MEDIA_CDN_URL} answers with {response.status_code} for an object of the public bucket."
        hint = f"MEDIA_CDN_URL must be the public bucket, or a CDN in front of it. {ENSURE}"
        yield Error(msg, hint=hint, id="photogram.E204")


def _check_signatures(anonymous: httpx.Client, name: str) -> Iterator[CheckMessage]:
    """Nothing but storage enforces the length of uploads."""
    url, headers = storage.presign_put(f"{name}-signed", content_type="image/jpeg", length=5, sha256="")
    response = anonymous.put(url, headers=headers, content=b"12345")
    if not response.is_success:
        msg = f"{host_of(url)} answers with {response.status_code} to a signed upload."
        hint = "Clients must reach storage at S3_PUBLIC_ENDPOINT_URL, by this host name."
        yield Error(msg, hint=hint, id="photogram.E205")
    if anonymous.put(url, headers=headers | {"Content-Length": "6"}, content=b"123456").is_success:
        msg = f"{host_of(url)} accepts an upload that is longer than its signature allows."
        hint = "Use another S3 server: this one does not check the signed headers, so uploads can have any size."
        yield Error(msg, hint=hint, id="photogram.E206")


def _check_browsers(anonymous: httpx.Client) -> Iterator[CheckMessage]:
    client_url = urlsplit(settings.CLIENT_URL)
    url = f"{settings.S3_PUBLIC_ENDPOINT_URL}/{settings.S3_PRIVATE_BUCKET}/uploads/probe"
    preflight = {"Access-Control-Request-Method": "PUT", "Access-Control-Request-Headers": "content-type"}
    for origin in storage.upload_origins() or [f"{client_url.scheme}://{client_url.netloc}"]:
        response = anonymous.options(url, headers=preflight | {"Origin": origin})
        if response.headers.get("Access-Control-Allow-Origin") not in {"*", origin}:
            msg = f"{host_of(url)} does not allow uploads from browsers at {origin}."
            yield Warning(msg, hint=f"Check CORS_ALLOWED_ORIGINS. {ENSURE}", id="photogram.W207")


def _check_clock(anonymous: httpx.Client, name: str) -> Iterator[CheckMessage]:
    date = anonymous.get(settings.S3_ENDPOINT_URL).headers.get("Date")
    difference = parsedate_to_datetime(date).timestamp() - time.time() if date else 0.0
    if abs(difference) > MAX_CLOCK_DIFFERENCE:
        msg = f"The clock of {host_of(settings.S3_ENDPOINT_URL)} differs from this machine's by {difference:+.0f} s."
        hint = "Synchronise both clocks with NTP: storage refuses signatures with a wrong time."
        yield Error(msg, hint=hint, id="photogram.E208")


@installation.register(
    "media", id="photogram.E230", hint="Check that the database is available.", requires=("database", "schema")
)
def check_variants(**_: Any) -> Iterator[CheckMessage]:
    """Of the newest media only: an operator waits for this command."""
    newest = Media.objects.filter(pk__in=Media.objects.order_by("-pk").values("pk")[:NEWEST])
    if number := sum(1 for _ in inventory.malformed(newest)):
        msg = f"{number} of the newest {NEWEST:,} media have malformed variants, and no page shows them."
        yield Error(msg, hint="Run manage.py reprocess_media --malformed.", id="photogram.E231")
    else:
        yield Info(f"The variants of the newest {NEWEST:,} media are well-formed.", id="photogram.I230")


@installation.register(
    "image decoder",
    id="photogram.E220",
    hint="Check that this command runs on a machine of the media workers.",
)
def check_confinement(**_: Any) -> Iterator[CheckMessage]:
    missing = confinement.missing_in_kernel()
    if "seccomp" in missing:
        msg = "The kernel has no seccomp filters: the image decoder can read files and open connections."
        hint = "Run media workers on Linux with seccomp, on x86_64 or aarch64."
        yield Error(msg, hint=hint, id="photogram.E221")
    elif "Landlock" in missing:
        msg = "The kernel has no Landlock. Only seccomp confines the image decoder."
        hint = "Enable Landlock (lsm=landlock,... on the command line of the kernel), as a second layer."
        yield Warning(msg, hint=hint, id="photogram.W222")
    else:
        yield Info("seccomp and Landlock confine the image decoder.", id="photogram.I220")
