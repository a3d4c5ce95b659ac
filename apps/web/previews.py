"""What other sites and search engines show of a public post or profile: OpenGraph, Twitter card, JSON-LD, oEmbed.

Only what everybody may see has a preview. Sensitive posts have one without an image.
"""

from textwrap import shorten
from typing import Any

from django.conf import settings
from django.urls import reverse
from django.utils.translation import gettext as _

from apps.accounts.models import User
from apps.accounts.querysets import UserQuerySet
from apps.core.errors import NotFound
from apps.site import reads as site

# Characters of a title and a description that sites show at most.
TITLE, DESCRIPTION = 70, 200


def absolute(path: str) -> str:
    return f"{settings.PUBLIC_URL}{path}"


def find_permissions(user_id: Any) -> dict[str, bool]:
    """What others may show of the profile and the posts of this account. `may_index`: search engines may list them.
    `may_preview`: other sites may show more than the link; also of a private account, which has chosen nothing else."""
    listed: UserQuerySet = User.objects.filter(pk=user_id)
    return {"may_index": listed.discoverable().exists(), "may_preview": listed.who_want_to_be_found().exists()}


def get_cover(post: dict[str, Any]) -> dict[str, Any] | None:
    """The first photo with a permanent URL, unless the post is sensitive."""
    if post["sensitive"]:
        return None
    photos = (photo for photo in post["photos"] if photo.get("large", "").startswith(settings.MEDIA_CDN_URL))
    return next(photos, None)


def preview_post(post: dict[str, Any]) -> dict[str, Any]:
    """The context of `web/parts/preview.html` for a public post of `posts.present_post`."""
    author = post["author"]
    name = author["display_name"] or f"@{author['handle']}"
    url = absolute(reverse("web:post", args=[post["id"]]))
    photo = get_cover(post)
    description = shorten(post["caption"], DESCRIPTION, placeholder="…")
    json_ld = {
        "@context": "https://schema.org",
        "@type": "ImageObject",
        "url": url,
        "datePublished": post["created_at"].isoformat(),
        "caption": post["caption"],
        "author": {"@type": "Person", "name": name, "url": absolute(reverse("web:profile", args=[author["handle"]]))},
    }
    if photo:
        json_ld |= {"contentUrl": photo["large"], "thumbnailUrl": photo["thumb"], "description": photo["alt_text"]}
    return {
        "type": "article",
        "title": shorten(_("Photo by %(name)s") % {"name": name}, TITLE, placeholder="…"),
        "description": description,
        "url": url,
        "image": photo and photo["large"],
        "image_alt": photo and photo["alt_text"],
        "width": photo and photo["width"],
        "height": photo and photo["height"],
        "oembed": f"{absolute(reverse('web:oembed'))}?url={url}",
        "json_ld": json_ld,
        **find_permissions(author["id"]),
    }


def preview_profile(profile: dict[str, Any]) -> dict[str, Any]:
    """The context of `web/parts/preview.html` for the representation of a profile."""
    url = absolute(reverse("web:profile", args=[profile["handle"]]))
    name = profile["display_name"] or profile["handle"]
    avatar = profile["avatar"] and profile["avatar"]["medium"]
    person = {
        "@type": "Person",
        "name": name,
        "alternateName": f"@{profile['handle']}",
        "identifier": str(profile["id"]),
        "description": profile["bio"],
        "url": url,
    }
    if avatar:
        person["image"] = avatar
    return {
        "type": "profile",
        "title": shorten(f"{name} (@{profile['handle']})", TITLE, placeholder="…"),
        "description": shorten(profile["bio"], DESCRIPTION, placeholder="…"),
        "url": url,
        "image": avatar,
        "image_alt": "",
        "atom": None if profile["is_private"] else f"{url}/feed.atom",
        "json_ld": {
            "@context": "https://schema.org",
            "@type": "ProfilePage",
            "dateCreated": profile["created_at"].isoformat(),
            "mainEntity": person,
        },
        **find_permissions(profile["id"]),
    }


def embed_post(post: dict[str, Any]) -> dict[str, Any]:
    """The oEmbed response for a public post (oembed.com, section 2.3): a photo, or a link without an image. Raises
    NotFound if its author does not want to be found."""
    preview = preview_post(post)
    if not preview["may_preview"]:
        raise NotFound
    author = post["author"]
    embed = {
        "version": "1.0",
        "type": "photo" if preview["image"] else "link",
        "title": preview["description"] or preview["title"],
        "author_name": author["display_name"] or author["handle"],
        "author_url": absolute(reverse("web:profile", args=[author["handle"]])),
        "provider_name": site.current().name,
        "provider_url": settings.PUBLIC_URL,
        "cache_age": 3600,
    }
    if preview["image"]:
        embed |= {"url": preview["image"], "width": preview["width"], "height": preview["height"]}
    return embed
