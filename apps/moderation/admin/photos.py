"""Photos on the pages of moderators, with signed URLs: moderators may see photos that are not public."""

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any
from uuid import UUID

from apps.accounts.models import User
from apps.content.models import Post, PostMedia
from apps.engagement.models import Comment
from apps.media.fields import well_formed
from apps.media.urls import urls_of

Target = User | Post | Comment


@dataclass(frozen=True)
class Photo:
    """A photo on a page. `urls` are those of its variants by name; there are none until the photo is ready."""

    alt: str
    # Blurred until the moderator asks for it.
    sensitive: bool
    urls: dict[str, str] = field(default_factory=dict)
    status: str = "ready"
    medium_id: UUID | None = None
    post_id: UUID | None = None

    @property
    def thumb(self) -> str:
        return self.urls.get("thumb", "")

    @property
    def medium(self) -> str:
        """Small photos have no large variants."""
        return self.urls.get("medium") or self.thumb

    @property
    def large(self) -> str:
        return self.urls.get("large") or self.medium


def photo_of(medium: Any, *, sensitive: bool, alt: str = "", post_id: UUID | None = None) -> Photo:
    """`alt` is for a photo without a description by its author."""
    text = medium.alt_text or alt or "Photo without a description"
    urls: dict[str, str] = {}
    if medium.status == "ready":
        url, variants = urls_of(medium, public=False), well_formed(medium.variants)
        urls = {variant["name"]: url(variant) for variant in variants if variant["content_type"] == "image/webp"}
    return Photo(text, sensitive, urls, medium.status, medium.pk, post_id)


def photo_of_item(item: PostMedia, *, sensitive: bool) -> Photo:
    """A photo of a post."""
    alt = f"Photo {item.position + 1} of the post"
    return photo_of(item.medium, sensitive=sensitive, alt=alt, post_id=item.post_id)


def photos_of(row: Any) -> list[Photo]:
    """The photos of a post, or of the post of a comment, from `reads`, which have the annotation `photos`."""
    sensitive = is_sensitive(row)
    ready = [SimpleNamespace(pk=photo["id"], status="ready", **photo) for photo in row.photos]
    photos = [photo_of(medium, sensitive=sensitive) for medium in ready]
    return [photo for photo in photos if photo.urls]


def avatar_of(person: User, *, sensitive: bool) -> Photo | None:
    if person.avatar is None or not person.avatar.variants:
        return None
    return photo_of(person.avatar, sensitive=sensitive, alt=f"Avatar of {person}")


def thumbnail(row: Target | None) -> Photo | None:
    """The avatar of a user, or the first photo of a post or of the post of a comment."""
    if row is None:
        return None
    if isinstance(row, User):
        return avatar_of(row, sensitive=is_sensitive(row))
    return next(iter(photos_of(row)), None)


def is_sensitive(row: Any) -> bool:
    """Whether to blur the photos of a row from `reads`, which has the annotation `unpleasant`: the author marked them,
    or `blurring.is_unpleasant`."""
    post = row.post if isinstance(row, Comment) else row
    return row.unpleasant or (isinstance(post, Post) and post.sensitive)
