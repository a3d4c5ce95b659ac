"""Former names, until apps/content uses `apps.media.api.serializers`."""

from typing import NamedTuple

from apps.media.api.serializers import Photo
from apps.media.api.serializers import render_photos as photo_cards
from apps.media.api.serializers import serialize_avatar as avatar_card

__all__ = ["PHOTO", "Avatar", "avatar_card", "photo_cards"]
PHOTO = ", ".join(f"medium.{name}" for name in Photo._fields)


class Avatar(NamedTuple):
    private_secret: str
    public_secret: str
