"""Checks of object storage for `manage.py doctor`: signatures are enforced, and access is as intended."""

import secrets
import time
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from io import BytesIO
from urllib.parse import urlsplit

import httpx
from django.conf import settings

from apps.core.ops.doctor import Finding, error, finding_source, ok, warning
from apps.media import confinement, inventory, storage
from apps.media.models import Media

SKEW_SECONDS = 30
NEWEST = 10_000
ENSURE = "Run manage.py ensure_buckets, or set it in the console of your storage."


@finding_source("image decoder", when_it_fails="Does it run on the machine of the media workers?")
def examine_confinement() -> Iterator[Finding]:
    missing = confinement.missing_in_kernel()
    if "seccomp" in missing:
        advice = "Run media workers on Linux with seccomp, on x86_64 or aarch64."
        yield error("image decoder", "The kernel cannot confine it: it may read files and open connections.", advice)
    elif "Landlock" in missing:
        advice = "Enable Landlock (lsm=landlock,... on the kernel's command line), as a second layer behind seccomp."
        yield warning("image decoder", "The kernel has no Landlock. seccomp confines the decoder.", advice)
    else:
        yield ok("image decoder", "seccomp and Landlock confine it.")


@finding_source("media", when_it_fails="Is the database available?")
def examine_variants() -> Iterator[Finding]:
    """Looks at the newest media only: this is a command that an operator waits for."""
    newest = Media.objects.filter(pk__in=Media.objects.order_by("-pk").values("pk")[:NEWEST])
    if number := sum(1 for _ in inventory.malformed(newest)):
        advice = "They are left out of every page. Run manage.py reprocess_media --malformed."
        yield error("media", f"Of the newest {NEWEST:,} media, {number} have malformed variants.", advice)
    else:
        yield ok("media", f"The newest {NEWEST:,} media have well-formed variants.")


@finding_source("storage", when_it_fails="Is it running, and are S3_ENDPOINT_URL, the keys and the buckets right?")
def examine_storage() -> Iterator[Finding]:
    """Writes a small object into each bucket, and deletes it again."""
    probe = f"doctor-{secrets.token_urlsafe(24)}"
    started = time.perf_counter()
    buckets = (settings.S3_PRIVATE_BUCKET, settings.S3_PUBLIC_BUCKET)
    try:
        for alias in (storage.PRIVATE, storage.PUBLIC):
            storage.save(probe, BytesIO(b"probe"), content_type="text/plain", alias=alias)
        took = time.perf_counter() - started
        with httpx.Client(timeout=5) as anonymous:
            yield from _privacy(anonymous, probe)
            yield from _signatures(anonymous, probe)
            yield from _browsers(anonymous)
            yield from _clock(anonymous)
    finally:
        for bucket in buckets:
            storage.delete(bucket, [probe, f"{probe}-signed"])
    yield ok("storage", f"Both buckets accept objects, {took / 2 * 1000:.0f} ms each.")


def _privacy(anonymous: httpx.Client, probe: str) -> Iterator[Finding]:
    base = settings.S3_PUBLIC_ENDPOINT_URL
    private, public = f"{base}/{settings.S3_PRIVATE_BUCKET}", f"{base}/{settings.S3_PUBLIC_BUCKET}"
    if anonymous.get(f"{private}/{probe}").is_success:
        yield error("storage", "Anybody can read the private bucket.", ENSURE)
    for url in (private, public):
        if anonymous.get(url, params={"list-type": "2"}).is_success:
            yield error("storage", f"Anybody can list {url}.", ENSURE)
    served = anonymous.get(f"{settings.MEDIA_CDN_URL}/{probe}")
    if not served.is_success:
        advice = f"Is MEDIA_CDN_URL the public bucket, or a CDN in front of it? {ENSURE}"
        yield error("storage", f"{settings.MEDIA_CDN_URL} answers {served.status_code} for an object of it.", advice)


def _signatures(anonymous: httpx.Client, probe: str) -> Iterator[Finding]:
    """Only storage enforces the length of uploads."""
    url, headers = storage.presign_put(f"{probe}-signed", content_type="image/jpeg", length=5, sha256="")
    right = anonymous.put(url, headers=headers, content=b"12345")
    if not right.is_success:
        advice = "Do clients reach storage at S3_PUBLIC_ENDPOINT_URL, with the same host name?"
        yield error("storage", f"A signed upload is answered {right.status_code}.", advice)
    if anonymous.put(url, headers=headers | {"Content-Length": "6"}, content=b"123456").is_success:
        advice = "This S3 server does not check what was signed, so uploads can have any size. Use another one."
        yield error("storage", "It accepts an upload that is longer than was signed.", advice)


def _browsers(anonymous: httpx.Client) -> Iterator[Finding]:
    origins = settings.CORS_ALLOWED_ORIGINS or ["{0.scheme}://{0.netloc}".format(urlsplit(settings.CLIENT_URL))]
    asked = {"Access-Control-Request-Method": "PUT", "Access-Control-Request-Headers": "content-type"}
    for origin in origins:
        url = f"{settings.S3_PUBLIC_ENDPOINT_URL}/{settings.S3_PRIVATE_BUCKET}/uploads/probe"
        allowed = anonymous.options(url, headers=asked | {"Origin": origin}).headers.get("Access-Control-Allow-Origin")
        if allowed not in {"*", origin}:
            yield warning("storage", f"Browsers at {origin} may not upload.", f"CORS_ALLOWED_ORIGINS; then: {ENSURE}")


def _clock(anonymous: httpx.Client) -> Iterator[Finding]:
    date = anonymous.get(settings.S3_ENDPOINT_URL).headers.get("Date")
    skew = parsedate_to_datetime(date).timestamp() - time.time() if date else 0.0
    if abs(skew) > SKEW_SECONDS:
        advice = "Synchronise the clocks of both machines by NTP: storage refuses signatures with a wrong time."
        yield error("storage", f"Its clock differs by {skew:+.0f} s.", advice)
