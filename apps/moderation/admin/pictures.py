"""Photos on the pages of the queue, with signed URLs: moderators may see photos that are not public."""

from types import SimpleNamespace
from typing import Any

from apps.accounts.models import User
from apps.content.models import Post
from apps.engagement.models import Comment
from apps.media.urls import urls_of
from apps.media.variants import well_formed
from apps.moderation.models import UNPLEASANT

Picture = dict[str, str]


def pictures(row: Any) -> list[Picture]:
    """The photos of a post or a comment from `reads`, which have the annotation `photos`."""
    shown = [(photo["id"], picture(SimpleNamespace(**photo))) for photo in row.photos]
    return [{"id": pk, **found} for pk, found in shown if found]


def thumbnail(row: User | Post | Comment | None) -> Picture | None:
    if row is None:
        return None
    if isinstance(row, User):
        return picture(row.avatar) if row.avatar else None
    return next(iter(pictures(row)), None)


def is_sensitive(row: User | Post | Comment | None, category: str = "") -> bool:
    """Whether to blur the photos: the author marked them, or the report has an unpleasant category.

    A comment is reported for its text, so its category does not matter.
    """
    if isinstance(row, Comment):
        return row.post.sensitive
    return (isinstance(row, Post) and row.sensitive) or category in UNPLEASANT


def picture(medium: Any) -> Picture | None:
    """The URLs of the variants of a medium that is ready; None if it has none."""
    url = urls_of(medium, public=False)
    variants = [variant for variant in well_formed(medium.variants) if variant["content_type"] == "image/webp"]
    return {"alt": medium.alt_text or "", **{each["name"]: url(each) for each in variants}} if variants else None
