"""Photos on the pages of the console: signed URLs of variants, since a moderator sees also what others may not."""

from types import SimpleNamespace
from typing import Any

from apps.accounts.models import User
from apps.content.models import Post
from apps.engagement.models import Comment
from apps.media.urls import urls_of
from apps.moderation.models import UNPLEASANT

Picture = dict[str, str]


def pictures(row: Any) -> list[Picture]:
    """Of a post or comment that was fetched with its `photos`."""
    return [{"id": photo["id"], **picture(SimpleNamespace(**photo))} for photo in row.photos]


def thumbnail(row: User | Post | Comment | None) -> Picture | None:
    if row is None:
        return None
    if isinstance(row, User):
        return picture(row.avatar) if row.avatar else None
    return next(iter(pictures(row)), None)


def is_sensitive(row: User | Post | Comment | None, category: str = "") -> bool:
    """Whether to blur its photos until somebody wants to see them: by what their author says, or by what they are
    reported for. A comment is reported for its text."""
    if isinstance(row, Comment):
        return row.post.sensitive
    return (isinstance(row, Post) and row.sensitive) or category in UNPLEASANT


def picture(medium: Any) -> Picture:
    """URLs of the variants of a medium that is ready."""
    url = urls_of(medium, public=False)
    urls = {variant["name"]: url(variant) for variant in medium.variants if variant["content_type"] == "image/webp"}
    return {"alt": medium.alt_text or "", **urls}
