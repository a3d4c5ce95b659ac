"""URLs of variants: permanent and public if everybody may see the medium, otherwise signed and expiring.

Signed URLs are AWS Signature Version 4 in the query string (AWS General Reference, "Authenticating Requests: Using
Query Parameters"). A page of the feed needs 120 of them. botocore takes at least 0.3 ms for each, which is more than
the rest of the page; this signer takes a hundredth of that, because it computes once what URLs of the same time share.
A test compares its URLs with those of botocore.
"""

import functools
import hashlib
import hmac
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol
from urllib.parse import quote, urlsplit

from django.conf import settings

from apps.media.variants import SUFFIXES


class Secrets(Protocol):
    """A medium, or another object with the secrets of one."""

    @property
    def private_secret(self) -> str: ...
    @property
    def public_secret(self) -> str: ...


def private_key(medium: Secrets, variant: dict[str, Any]) -> str:
    return f"variants/{medium.private_secret}/{_file(variant)}"


def public_key(secret: str, variant: dict[str, Any]) -> str:
    return f"{secret}/{_file(variant)}"


def _file(variant: dict[str, Any]) -> str:
    return f"{variant['name']}.{SUFFIXES[variant['content_type']]}"


def urls_of(medium: Secrets, *, public: bool) -> Callable[[dict[str, Any]], str]:
    """A function that returns the URL of a variant. `public`: everybody may see the medium. URLs are signed until the
    public copies exist."""
    if public and medium.public_secret:
        cdn = settings.MEDIA_CDN_URL
        return lambda variant: f"{cdn}/{public_key(medium.public_secret, variant)}"
    signer = _signer(signing_time(), settings.MEDIA_URL_LIFETIME)
    return lambda variant: signer.url(private_key(medium, variant))


def signing_time() -> int:
    """The time, in seconds, for which URLs are signed now: the start of the current half of MEDIA_URL_LIFETIME. All
    requests within it get the same URL, so that caches work, and the URL is valid for at least another half."""
    half = int(settings.MEDIA_URL_LIFETIME.total_seconds()) // 2 or 1
    return int(time.time()) // half * half


def signed_url(key: str, *, at: datetime, lifetime: timedelta | None = None) -> str:
    """A URL to GET an object of the private bucket, valid from `at` on for `lifetime` (default MEDIA_URL_LIFETIME)."""
    return _signer(int(at.timestamp()), lifetime or settings.MEDIA_URL_LIFETIME).url(key)


class Signer:
    """Signs URLs for one time and lifetime."""

    def __init__(self, at: datetime, lifetime: timedelta) -> None:
        endpoint = urlsplit(settings.S3_PUBLIC_ENDPOINT_URL)
        timestamp, day = at.strftime("%Y%m%dT%H%M%SZ"), at.strftime("%Y%m%d")
        scope = f"{day}/{settings.S3_REGION}/s3/aws4_request"
        query = (
            "X-Amz-Algorithm=AWS4-HMAC-SHA256"
            f"&X-Amz-Credential={quote(f'{settings.S3_ACCESS_KEY_ID}/{scope}', safe='')}"
            f"&X-Amz-Date={timestamp}"
            f"&X-Amz-Expires={int(lifetime.total_seconds())}"
            "&X-Amz-SignedHeaders=host"
        )
        self._server = f"{endpoint.scheme}://{endpoint.netloc}"
        self._bucket = f"{endpoint.path.rstrip('/')}/{settings.S3_PRIVATE_BUCKET}/"
        self._query = query
        self._request_end = f"\n{query}\nhost:{endpoint.netloc}\n\nhost\nUNSIGNED-PAYLOAD"
        self._to_sign = f"AWS4-HMAC-SHA256\n{timestamp}\n{scope}\n"
        self._key = _signing_key(settings.S3_SECRET_ACCESS_KEY, day, settings.S3_REGION)

    def url(self, key: str) -> str:
        path = self._bucket + quote(key)
        digest = hashlib.sha256(f"GET\n{path}{self._request_end}".encode()).hexdigest()
        signature = hmac.digest(self._key, (self._to_sign + digest).encode(), "sha256").hex()
        return f"{self._server}{path}?{self._query}&X-Amz-Signature={signature}"


@functools.lru_cache(maxsize=8)
def _signer(at: int, lifetime: timedelta) -> Signer:
    """`at` in seconds. Settings do not change while a process runs."""
    return Signer(datetime.fromtimestamp(at, tz=UTC), lifetime)


def _signing_key(secret: str, day: str, region: str) -> bytes:
    key = f"AWS4{secret}".encode()
    for part in (day, region, "s3", "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    return key
