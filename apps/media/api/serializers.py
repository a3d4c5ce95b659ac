"""What the API takes and returns about media."""

import json
from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple
from uuid import UUID

import orjson
from django.conf import settings
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _
from orjson import Fragment
from rest_framework import serializers

from apps.core.api.fields import StrictInteger, TextField
from apps.core.api.renderers import dumps
from apps.core.api.schema import example
from apps.core.api.serializers import StrictSerializer
from apps.media.fields import LEFT_OUT, well_formed
from apps.media.models import Media
from apps.media.urls import Secrets, urls_of
from apps.media.variants import CONTENT_TYPES, SIDES

# The child process that decodes pictures knows no languages: it describes an error in English, sometimes with a number.
# In other languages the description depends on the code only.
ERRORS = {
    "image_too_large": _("The picture is too large."),
    "image_corrupt": _("The file is damaged or is not a picture."),
    "image_type_mismatch": _("The file is not of the declared type."),
    "image_unsupported": _("Only JPEG, PNG, WebP, GIF, HEIC and AVIF pictures are accepted."),
    "processing_timeout": _("The picture took too long to process."),
    "banned_image": _("This picture may not be published."),
}
# Percent, by status.
PROGRESS = {"pending": 0, "uploaded": 25, "processing": 50, "ready": 100, "failed": 100}
# In the text that SQL gathers, of the photos that have an error.
_FAILED = f'"{Media.Status.FAILED}"'
# Every photo has these variants as soon as it has a secret.
AVATAR_VARIANTS = [{"name": name, "content_type": "image/webp"} for name in ("thumb", "medium")]


# ── Representations ──────────────────────────────────────────────────────────────────────────────────────
class Photo(NamedTuple):
    """The columns of a medium that `serialize_media` needs, in the order in which SQL gathers them."""

    id: UUID | str
    status: str
    error_code: str
    error_detail: str
    alt_text: str
    width: int | None
    height: int | None
    blurhash: str
    dominant_color: str
    variants: list[dict[str, Any]]
    private_secret: str
    public_secret: str
    created_at: datetime | str


def serialize_media(medium: Media | Photo, *, public: bool, variants: frozenset[str] | None = None) -> dict[str, Any]:
    """The representation of `MediaSerializer`.

    `public`: everybody may see the medium, so its URLs are permanent. `variants`: the names of those to include; None
    for all.
    """
    url_of = urls_of(medium, public=public)
    return {
        "id": medium.id,
        "kind": "image",
        "status": medium.status,
        "error": serialize_error(medium),
        "alt_text": medium.alt_text,
        "width": medium.width,
        "height": medium.height,
        "blurhash": medium.blurhash or None,
        "dominant_color": medium.dominant_color or None,
        "variants": [
            {
                "name": variant["name"],
                "content_type": variant["content_type"],
                "url": url_of(variant),
                "width": variant["width"],
                "height": variant["height"],
                "bytes": variant["bytes"],
            }
            for variant in medium.variants
            if variants is None or variant["name"] in variants
        ],
        "created_at": _parsed(medium.created_at),
    }


def _parsed(time: datetime | str) -> datetime:
    """JSON from PostgreSQL holds times as text."""
    return datetime.fromisoformat(time) if isinstance(time, str) else time


def render_photos(photos: str | None, *, public: bool, at: int, variants: frozenset[str] | None = None) -> Fragment:
    """The photos of a post as rendered JSON, with URLs signed for the time `at` (`urls.signing_time`).

    `photos` is what SQL gathers by `json_agg(json_build_array(<the fields of Photo>))::text`. A photo that is ready and
    has no well-formed variant is left out.
    """
    # Only the description of an error depends on the language.
    language = get_language() if photos and _FAILED in photos else None
    return _render_photos(photos, public=public, at=at, variants=variants, language=language)


@lru_cache(maxsize=2048)
def _render_photos(
    photos: str | None, *, public: bool, at: int, variants: frozenset[str] | None, language: str | None
) -> Fragment:
    """This is the only cache of representations in the process: a feed page shows 120 URLs of photos that other pages
    show as well. The result depends on the arguments only, so an entry cannot be stale. It takes about 4 KB per photo.
    """
    shown = [photo for photo in _parsed_photos(photos or "[]") if photo.variants or photo.status != Media.Status.READY]
    return Fragment(dumps([serialize_media(photo, public=public, variants=variants) for photo in shown]))


def _parsed_photos(photos: str) -> list[Photo]:
    """With their well-formed variants only."""
    parsed = [Photo(*photo) for photo in _parsed_json(photos)]
    return [photo._replace(variants=well_formed(photo.variants)) for photo in parsed]


def _parsed_json(text: str) -> list[list[Any]]:
    """PostgreSQL stores numbers and depths that orjson does not parse, and some that Python does not."""
    try:
        gathered: list[list[Any]] = orjson.loads(text)
    except orjson.JSONDecodeError:
        try:
            gathered = json.loads(text)
        except (ValueError, RecursionError):
            LEFT_OUT.inc()
            gathered = []
    return gathered


def serialize_error(medium: Media | Photo) -> dict[str, Any] | None:
    """The code of an error, and its description in the language of the request."""
    if not medium.error_code:
        return None
    is_english = get_language() == settings.LANGUAGE_CODE
    detail = medium.error_detail if is_english else str(ERRORS.get(medium.error_code, medium.error_detail))
    return {"code": medium.error_code, "detail": detail}


def serialize_avatar(medium: Secrets | None) -> dict[str, Any] | None:
    """The WebP URLs of both sizes of an avatar. Avatars are public."""
    if medium is None or not medium.private_secret:
        return None
    url_of = urls_of(medium, public=True)
    return {variant["name"]: url_of(variant) for variant in AVATAR_VARIANTS}


# ── Responses ────────────────────────────────────────────────────────────────────────────────────────────
@example({"detail": "The image has more than 64 megapixels."})
class MediaErrorSerializer(serializers.Serializer[Any]):
    code = serializers.ChoiceField(choices=list(ERRORS))
    detail = serializers.CharField()


@example({"url": "https://cdn.photogram.example/5kq2/thumb.webp", "width": 320, "height": 240, "bytes": 14208})
class VariantSerializer(serializers.Serializer[Any]):
    name = serializers.ChoiceField(choices=list(SIDES))
    content_type = serializers.ChoiceField(choices=CONTENT_TYPES)
    url = serializers.URLField()
    width = serializers.IntegerField()
    height = serializers.IntegerField()
    bytes = serializers.IntegerField()


@example(
    {
        "status": "ready",
        "error": None,
        "alt_text": "Two boats on the mud at low tide.",
        "width": 4032,
        "height": 3024,
        "blurhash": "LEHV6nWB2yk8pyo0adR*.7kCMdnj",
        "dominant_color": "#6a7b8c",
        "variants": [
            {
                "name": name,
                "content_type": content_type,
                "url": f"https://cdn.photogram.example/5kq2/{name}.{suffix}",
                "width": width,
                "height": width * 3 // 4,
                "bytes": size,
            }
            for name, width in {"thumb": 320, "medium": 1080, "large": 2048}.items()
            for content_type, suffix, size in [("image/webp", "webp", width * 44), ("image/jpeg", "jpg", width * 61)]
        ],
    }
)
class MediaSerializer(serializers.Serializer[Media]):
    id = serializers.UUIDField()
    kind = serializers.ChoiceField(choices=["image"])
    status = serializers.ChoiceField(choices=Media.Status.values)
    error = MediaErrorSerializer(allow_null=True)
    alt_text = serializers.CharField()
    width = serializers.IntegerField(allow_null=True)
    height = serializers.IntegerField(allow_null=True)
    blurhash = serializers.CharField(allow_null=True)
    dominant_color = serializers.CharField(allow_null=True)
    variants = VariantSerializer(many=True)
    created_at = serializers.DateTimeField()

    def to_representation(self, medium: Media) -> dict[str, Any]:
        """`public` and `variants` in the context are the arguments of `serialize_media`."""
        return serialize_media(medium, public=self.context.get("public", False), variants=self.context.get("variants"))


@example(
    {
        "url": "https://storage.photogram.example/uploads/x7d2?X-Amz-Signature=5f0c",
        "headers": {"Content-Type": "image/jpeg"},
    }
)
class UploadTargetSerializer(serializers.Serializer[Mapping[str, Any]]):
    method = serializers.ChoiceField(choices=["PUT"])
    url = serializers.URLField()
    headers = serializers.DictField(child=serializers.CharField())
    expires_at = serializers.DateTimeField()


@example({"status": "uploaded"})
class UploadSerializer(serializers.Serializer[Media]):
    id = serializers.UUIDField()
    media_id = serializers.UUIDField()
    status = serializers.ChoiceField(choices=Media.Status.values)

    def to_representation(self, medium: Media) -> dict[str, Any]:
        return {"id": medium.pk, "media_id": medium.pk, "status": medium.status}


@example({"status": "pending"})
class NewUploadSerializer(UploadSerializer):
    upload = UploadTargetSerializer()

    def to_representation(self, medium: Media) -> dict[str, Any]:
        """`upload` in the context: where and how to PUT the file."""
        return super().to_representation(medium) | {"upload": self.context["upload"]}


@example({"status": "ready", "progress": 100, "error": None})
class UploadProgressSerializer(UploadSerializer):
    progress = serializers.IntegerField(min_value=0, max_value=100)
    error = MediaErrorSerializer(allow_null=True)
    media = MediaSerializer()

    def to_representation(self, medium: Media) -> dict[str, Any]:
        return super().to_representation(medium) | {
            "progress": PROGRESS[medium.status],
            "error": serialize_error(medium),
            "media": serialize_media(medium, public=False, variants=self.context.get("variants")),
        }


# ── Bodies ───────────────────────────────────────────────────────────────────────────────────────────────
@example(
    {"content_type": "image/jpeg", "bytes": 2518034, "purpose": "post", "alt_text": "Two boats on the mud at low tide."}
)
class UploadBodySerializer(StrictSerializer):
    content_type = TextField(max_length=100)
    bytes = StrictInteger(min_value=1, max_value=2**53)
    purpose = serializers.ChoiceField(choices=Media.Purpose.values, default=Media.Purpose.POST)
    alt_text = TextField(max_length=1500, allow_blank=True, required=False, default="")
    sha256 = serializers.RegexField(r"^[0-9a-f]{64}$", required=False, max_length=64)
