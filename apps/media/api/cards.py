"""Media as the API shows them."""

from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple
from uuid import UUID

import orjson
from orjson import Fragment

from apps.core.api.renderers import dumps
from apps.media.models import Media
from apps.media.urls import Secrets, urls_of

Card = dict[str, Any]


class Avatar(NamedTuple):
    """What the URLs of an avatar are made of, as a row of a statement."""

    private_secret: str
    public_secret: str


class Photo(NamedTuple):
    """What a card shows of a medium, as `PHOTO` selects it."""

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


# Of `medium`, a row of media_media, in the order of `Photo`.
PHOTO = ", ".join(f"medium.{name}" for name in Photo._fields)
# Every photo has these, whatever its shape, from when it has a secret.
AVATAR_VARIANTS = [{"name": name, "content_type": "image/webp"} for name in ("thumb", "medium")]
PROGRESS = {"pending": 0, "uploaded": 25, "processing": 50, "ready": 100, "failed": 100}


def media_card(medium: Media | Photo, *, public: bool) -> Card:
    """`public`: everybody may see it, so that its URLs may be permanent."""
    url_of = urls_of(medium, public=public)
    return {
        "id": medium.id,
        "kind": "image",
        "status": medium.status,
        "error": error_card(medium),
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
        ],
        "created_at": _moment(medium.created_at),
    }


def _moment(written: datetime | str) -> datetime:
    """What PostgreSQL has put into JSON is read here, where it is remembered: its own `to_char` takes 3 µs for each."""
    return datetime.fromisoformat(written) if isinstance(written, str) else written


@lru_cache(maxsize=2048)
def photo_cards(photos: str | None, *, public: bool, at: int) -> Fragment:
    """The cards of what has been gathered as `json_agg(json_build_array(PHOTO))::text`, as JSON, with URLs of the
    instant `at`.

    A page of the feed shows 120 of them, and many pages the same photos. What is remembered is a function of all that
    it is made of, so none of it can go out of date. An entry takes some 4 KB for each photo."""
    gathered = orjson.loads(photos or "[]")
    return Fragment(dumps([media_card(Photo(*photo), public=public) for photo in gathered]))


def error_card(medium: Media | Photo) -> Card | None:
    return {"code": medium.error_code, "detail": medium.error_detail} if medium.error_code else None


def avatar_card(medium: Secrets | None) -> Card | None:
    """The WebP URLs of an avatar's two sizes; avatars are for everybody's eyes."""
    if medium is None or not medium.private_secret:
        return None
    url_of = urls_of(medium, public=True)
    return {variant["name"]: url_of(variant) for variant in AVATAR_VARIANTS}


def upload_card(medium: Media) -> Card:
    return {"id": medium.pk, "media_id": medium.pk, "status": medium.status}
