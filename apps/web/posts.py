"""Posts for templates: the representation of the API, with its photos as objects and its caption as HTML."""

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

import orjson
from django.urls import reverse
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

from apps.content import captions
from apps.content.api.serializers import serialize_post
from apps.core.api.renderers import dumps
from apps.engagement import reads
from apps.engagement.reads import PostRow
from apps.media.api.serializers import PROGRESS


def present_post(row: PostRow, viewer_id: UUID | None) -> dict[str, Any]:
    """The representation of a post, with `photos` for the template `web/parts/photo.html`."""
    post = serialize_post(row, viewer_id)
    post["photos"] = [present_photo(photo) for photo in orjson.loads(dumps(post.pop("media")))]
    if post["status"] == "processing":
        post["progress"] = sum(PROGRESS[photo["status"]] for photo in post["photos"]) // max(len(post["photos"]), 1)
    post["caption_html"] = link_text(row.caption, row.mentions)
    post["url"] = reverse("web:post", args=[row.id])
    post["is_own"] = row.author.id == viewer_id
    return post


def present_posts(ids: Iterable[UUID], viewer_id: UUID | None) -> list[dict[str, Any]]:
    """The posts of a page of a list, in the order of `ids`, without those that the viewer may not see any more."""
    wanted = list(ids)
    rows = reads.posts(wanted, viewer_id)
    return [present_post(rows[pk], viewer_id) for pk in wanted if pk in rows]


def present_photo(photo: dict[str, Any]) -> dict[str, Any]:
    """A photo of the API with `srcset` of both formats by content type, and `thumb`, `medium` and `large` URLs."""
    by_type: dict[str, list[str]] = {}
    for variant in photo["variants"]:
        by_type.setdefault(variant["content_type"], []).append(f"{variant['url']} {variant['width']}w")
        if variant["content_type"] == "image/jpeg":
            photo[variant["name"]] = variant["url"]
    photo["webp"] = ", ".join(by_type.get("image/webp", []))
    photo["jpeg"] = ", ".join(by_type.get("image/jpeg", []))
    return photo


# ── Texts ────────────────────────────────────────────────────────────────────────────────────────────────
def link_text(text: str, mentions: Sequence[Any]) -> SafeString:
    """`text` as HTML in which mentions of accounts and tags are links."""
    links = [(m.offset, m.length, reverse("web:profile", args=[m.user.handle])) for m in mentions]
    links += [(offset, length, reverse("web:tag", args=[tag])) for tag, offset, length in captions.tag_positions(text)]
    parts: list[str] = []
    end = 0
    for offset, length, url in sorted(links):
        parts += [escape(text[end:offset]), f'<a href="{escape(url)}">{escape(text[offset : offset + length])}</a>']
        end = offset + length
    parts.append(escape(text[end:]))
    return mark_safe("".join(parts).replace("\n", "<br>"))  # noqa: S308  (every part is escaped)
