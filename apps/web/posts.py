"""Posts for templates: the representation of the API, with its photos as objects and its caption as HTML."""

from collections.abc import Iterable, Sequence
from typing import Any
from urllib.parse import quote
from uuid import UUID

import orjson
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _

from apps.accounts.models import DEFAULT_SETTINGS, User
from apps.content import captions
from apps.content.api.serializers import serialize_post
from apps.core.api.renderers import dumps
from apps.engagement import reads
from apps.engagement.reads import PostRow
from apps.media.api.serializers import PROGRESS
from apps.web.http import path_of

# A caption that is longer, or has more lines, is folded in lists.
FOLDED_LENGTH, FOLDED_LINES = 280, 6


def present_post(
    row: PostRow,
    viewer_id: UUID | None,
    *,
    show_sensitive: bool | None = None,
    labels: dict[str, str] | None = None,
) -> dict[str, Any]:
    """The representation of a post, with `photos` for the template `web/parts/photo.html`.

    `show_sensitive`: whether sensitive photos are shown without a cover; None for the setting of the viewer. `labels`:
    what `translate_labels` has returned, for a page with many posts.
    """
    labels = labels or translate_labels()
    if show_sensitive is None:
        show_sensitive = row.sensitive and wants_sensitive(viewer_id)
    post = serialize_post(row, viewer_id)
    post["photos"] = [present_photo(photo) for photo in orjson.loads(dumps(post.pop("media")))]
    # The text of photos without an alternative text.
    post["photo_label"] = labels["photo"] % {"name": row.author.display_name or row.author.handle}
    post["label"] = labels["post"] % {"name": row.author.handle}
    post["labels"] = labels
    if post["status"] == "processing":
        post["progress"] = sum(PROGRESS[photo["status"]] for photo in post["photos"]) // max(len(post["photos"]), 1)
    post["caption_html"] = link_text(row.caption, row.mentions)
    post["is_long"] = len(row.caption) > FOLDED_LENGTH or row.caption.count("\n") > FOLDED_LINES
    post["url"] = path_of("web:post", str(row.id))
    post["author_url"] = path_of("web:profile", row.author.handle)
    # Whether everybody may see it, so that other sites may show a preview.
    post["is_public"] = row.is_public
    post["is_own"] = row.author.id == viewer_id
    # A covered photo is not loaded before the viewer asks for it.
    post["is_covered"] = row.sensitive and not show_sensitive
    return post


def present_posts(ids: Iterable[UUID], viewer_id: UUID | None) -> list[dict[str, Any]]:
    """The posts of a page of a list, in the order of `ids`, without those that the viewer may not see any more."""
    wanted = list(ids)
    rows = reads.posts(wanted, viewer_id)
    return present_rows([rows[pk] for pk in wanted if pk in rows], viewer_id)


def present_rows(
    rows: Sequence[PostRow], viewer_id: UUID | None, *, show_sensitive: bool | None = None
) -> list[dict[str, Any]]:
    """`present_post` of each, with one look at the setting of the viewer at most."""
    if show_sensitive is None:
        show_sensitive = any(row.sensitive for row in rows) and wants_sensitive(viewer_id)
    labels = translate_labels()
    return [present_post(row, viewer_id, show_sensitive=show_sensitive, labels=labels) for row in rows]


def translate_labels() -> dict[str, str]:
    """The texts of every post, translated once for a page."""
    return {
        "photo": _("Photo by %(name)s"),
        "post": _("Post by %(name)s"),
        "more": _("More"),
        "edit": _("Edit"),
        "delete": _("Delete"),
        "report": _("Report"),
        "copy": _("Copy link"),
        "like": _("Like"),
        "comments": _("Comments"),
        "share": _("Share"),
        "save": _("Save"),
        "carousel": _("carousel"),
        "photos": _("Photos"),
        "alt": _("ALT"),
        "description": _("Description of the photo"),
    }


def wants_sensitive(viewer_id: UUID | None) -> bool:
    """The setting `show_sensitive` of the viewer."""
    chosen: dict[str, Any] | None = None
    if viewer_id:
        chosen = User.objects.owned_by(viewer_id).values_list("settings", flat=True).first()
    return bool((DEFAULT_SETTINGS | (chosen or {}))["show_sensitive"])


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
def _mention(typed: str, mention: Any) -> str:
    """As it was typed, unless the account has another handle now."""
    present = f"@{mention.user.handle}"
    return typed if typed.lower() == present else present


def link_text(text: str, mentions: Sequence[Any]) -> SafeString:
    """`text` as HTML in which mentions of accounts and tags are links. A mention shows the present handle."""
    links = [
        (m.offset, m.length, path_of("web:profile", m.user.handle), _mention(text[m.offset : m.offset + m.length], m))
        for m in mentions
    ]
    links += [
        (offset, length, path_of("web:tag", quote(tag)), text[offset : offset + length])
        for tag, offset, length in captions.tag_positions(text)
    ]
    parts: list[str] = []
    end = 0
    for offset, length, url, label in sorted(links):
        parts += [escape(text[end:offset]), f'<a href="{escape(url)}">{escape(label)}</a>']
        end = offset + length
    parts.append(escape(text[end:]))
    return mark_safe("".join(parts).replace("\n", "<br>"))  # noqa: S308  (every part is escaped)
