"""What other sites and search engines show of a public post or profile: OpenGraph, Twitter card, JSON-LD, oEmbed.

Only what everybody may see has a preview. Sensitive posts have one without an image.
"""

from textwrap import shorten
from typing import Any

from django.conf import settings
from django.urls import reverse
from django.utils.translation import gettext as _

from apps.accounts.models import User
from apps.site import reads as site

# Characters of a title and a description that sites show at most.
TITLE, DESCRIPTION = 70, 200


def absolute(path: str) -> str:
    return f"{settings.PUBLIC_URL}{path}"


def is_discoverable(user_id: Any) -> bool:
    """Whether search engines may index the profile and the posts of this account."""
    found: bool = User.objects.discoverable().filter(pk=user_id).exists()
    return found


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
        "may_index": is_discoverable(author["id"]),
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
        "may_index": is_discoverable(profile["id"]),
    }


def embed_post(post: dict[str, Any]) -> dict[str, Any]:
    """The oEmbed response for a public post (oembed.com, section 2.3): a photo, or a link without an image."""
    preview = preview_post(post)
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
