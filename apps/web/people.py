"""Accounts for templates: the representation of the API, and the biography as HTML."""

import re
from collections.abc import Iterable
from typing import Any
from urllib.parse import quote
from uuid import UUID

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from apps.accounts.api.serializers import serialize_user
from apps.accounts.models import User
from apps.content import captions
from apps.social.api.serializers import serialize_profile
from apps.social.reads import Profile, find_profiles
from apps.social.visibility import visible_users
from apps.web.http import path_of

_URL = re.compile(r"https?://[^\s<>\"]+", re.IGNORECASE)
_AFTER_URL = ".,:;!?)]}'"


def present_people(ids: Iterable[UUID], viewer_id: UUID | None) -> list[dict[str, Any]]:
    """The accounts of a page of a list, in the order of `ids`, without those that the viewer may not see any more."""
    return [serialize_profile(profile) for profile in find_profiles(ids, viewer_id=viewer_id).values()]


def present_profile(profile: Profile, viewer_id: UUID | None) -> dict[str, Any]:
    """The representation of an account for its own page."""
    person = serialize_profile(profile)
    person["bio_html"] = link_bio(profile.bio, viewer_id)
    # Only the address of a web page becomes a link, whatever is stored.
    is_address = _URL.fullmatch(profile.website)
    person["website_label"] = profile.website.split("://", 1)[1].removesuffix("/") if is_address else ""
    person["is_own"] = profile.id == viewer_id
    return person


def present_blocked(user: User) -> dict[str, Any]:
    """An account that the viewer blocks: what a list of blocked accounts shows."""
    return serialize_user(user, {"user_id": user.pk, "blocking": True})


def link_bio(bio: str, viewer_id: UUID | None) -> SafeString:
    """A biography as HTML, in which web addresses, tags, and mentions of accounts that the viewer may see are links."""
    links = [_link_url(match) for match in _URL.finditer(bio)]
    links += [(at, length, path_of("web:tag", quote(tag)), "") for tag, at, length in captions.tag_positions(bio)]
    links += _mentions(bio, viewer_id)
    parts: list[SafeString | str] = []
    end = 0
    for offset, length, url, rel in sorted(links):
        if offset >= end:
            shown = bio[offset : offset + length]
            parts += [bio[end:offset], format_html('<a href="{}"{}>{}</a>', url, _rel(rel), shown)]
            end = offset + length
    parts.append(bio[end:])
    lines = format_html_join("", "{}", ((part,) for part in parts))
    return SafeString(lines.replace("\n", "<br>"))


def _rel(rel: str) -> SafeString | str:
    return format_html(' rel="{}"', rel) if rel else ""


def _link_url(match: re.Match[str]) -> tuple[int, int, str, str]:
    """Punctuation at the end belongs to the sentence."""
    url = match[0].rstrip(_AFTER_URL)
    return match.start(), len(url), url, "nofollow ugc noopener"


def _mentions(bio: str, viewer_id: UUID | None) -> list[tuple[int, int, str, str]]:
    mentioned = captions.mentions_in(bio)
    if not mentioned:
        return []
    handles = {mention.handle for mention in mentioned}
    known = set(visible_users(viewer_id).filter(handle__in=handles).values_list("handle", flat=True))
    return [(m.offset, m.length, path_of("web:profile", m.handle), "") for m in mentioned if m.handle in known]
