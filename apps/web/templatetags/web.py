"""Template tags of the pages."""

import hashlib
import json
from datetime import datetime
from typing import Any

from django import template
from django.core.cache import caches
from django.template.base import FilterExpression, Parser, TextNode, Token
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.crypto import get_random_string
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.timesince import timesince
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from apps.core.api.renderers import dumps
from apps.site import reads as site

register = template.Library()
# Stands for the CSRF token in kept markup. It is random, so that no text of a member can contain it.
_CSRF_TOKEN = get_random_string(32)
# How long the markup of a post is kept: "3 minutes" is late by as much.
_SECONDS = 60


def _icon(name: str) -> SafeString:
    return format_html('<svg class="icon" aria-hidden="true"><use href="#i-{}"/></svg>', name)


@register.filter
def translated(texts: dict[str, dict[str, str]] | None, part: str) -> str:
    """`{{ rule.texts|translated:"title" }}`: a part of a text of the site, in the language of the page if possible."""
    return site.translate(texts).get(part, "") if texts else ""


class IconNode(template.Node):
    """An icon whose name is a variable."""

    def __init__(self, name: FilterExpression) -> None:
        self.name = name

    def render(self, context: template.Context) -> SafeString:
        return _icon(self.name.resolve(context))


@register.tag
def icon(parser: Parser, token: Token) -> template.Node:
    """`{% icon "heart" %}`: an icon of the sprite in `web/parts/icons.html`. It is decorative: the control needs a name
    of its own. The markup is made when the template is compiled, because a page has a hundred icons."""
    _tag, argument = token.split_contents()
    name = parser.compile_filter(argument)
    return TextNode(_icon(name.var)) if isinstance(name.var, str) else IconNode(name)


@register.simple_tag(takes_context=True)
def article(context: template.Context, post: dict[str, Any], *, eager: bool = False) -> SafeString:
    """A post of a list. `eager`: its first photo is loaded before all others.

    The markup is kept in the memory of the process by all that it shows: it takes half of the time of a page of posts,
    and is the same for most readers of a post.
    """
    shown = [post, eager, get_language(), timezone.get_current_timezone_name()]
    key = hashlib.sha256(dumps(shown)).hexdigest()
    markup: str | None = caches["parts"].get(key)
    if markup is None:
        markup = render_to_string("web/parts/post.html", {"post": post, "eager": eager, "csrf_token": _CSRF_TOKEN})
        caches["parts"].set(key, markup, _SECONDS)
    return mark_safe(markup.replace(_CSRF_TOKEN, str(context["csrf_token"])))  # noqa: S308  (a rendered template)


_PHOTO = (
    '<span class="photo"{}><svg class="ratio" viewBox="0 0 {} {}" preserveAspectRatio="none" aria-hidden="true">{}'
    "</svg>{}</span>"
)
_PICTURE = (
    '<picture><source type="image/webp" srcset="{webp}" sizes="{sizes}"><img src="{medium}" srcset="{jpeg}" '
    'sizes="{sizes}" width="{width}" height="{height}" alt="{alt}" data-photo="{id}" {loading} decoding="async">'
    "</picture>"
)


@register.simple_tag
def photo(photo: dict[str, Any], sizes: str, label: str = "", first: bool = False) -> SafeString:
    """A photo of `present_photo` that fills its frame, with a placeholder of the same ratio in its dominant colour.

    `sizes`: of the <img>. `label`: its text if the photo has none. `first`: it is loaded before all others. This is
    Python and not a template, because it is most of a page of posts: it takes a tenth of the time.
    """
    colour, blurhash = photo["dominant_color"], photo["blurhash"]
    return format_html(
        _PHOTO,
        format_html(' data-blurhash="{}"', blurhash) if blurhash else "",
        photo["width"] or 1,
        photo["height"] or 1,
        format_html('<rect width="100%" height="100%" fill="{}"/>', colour) if colour else "",
        _picture(photo, sizes, label, first) if "medium" in photo else _photo_state(photo),
    )


def _picture(photo: dict[str, Any], sizes: str, label: str, first: bool) -> SafeString:
    return format_html(
        _PICTURE,
        webp=photo["webp"],
        jpeg=photo["jpeg"],
        medium=photo["medium"],
        sizes=sizes,
        width=photo["width"],
        height=photo["height"],
        alt=photo["alt_text"] or label,
        id=photo["id"],
        loading=mark_safe('fetchpriority="high"' if first else 'loading="lazy"'),  # noqa: S308  (constants)
    )


def _photo_state(photo: dict[str, Any]) -> SafeString:
    failed = photo["status"] == "failed"
    text = _("This photo could not be processed.") if failed else _("Processing…")
    return format_html('<span class="photo-state">{}</span>', text)


@register.filter
def badge(number: int) -> str:
    """A number as a badge shows it, at most "99+"."""
    return "99+" if number > 99 else str(number)


@register.simple_tag
def ago(moment: datetime) -> SafeString:
    """How long ago, for example "3 hours", as a <time> with the exact time as its title."""
    age = timezone.now() - moment
    local = timezone.localtime(moment)
    if age.days > 30:
        text = date_format(local, "DATE_FORMAT")
    else:
        text = _("now") if age.total_seconds() < 60 else timesince(moment, depth=1)
    return format_html(
        '<time datetime="{}" title="{}">{}</time>', moment.isoformat(), date_format(local, "DATETIME_FORMAT"), text
    )


@register.simple_tag
def local_time(moment: datetime) -> str:
    """Date and time in the time zone of the member, with the name of the zone."""
    local = timezone.localtime(moment)
    return f"{date_format(local, 'DATETIME_FORMAT')} ({local:%Z})"


# As Django's json_script, so that the data cannot end the element.
_ESCAPES = {ord(">"): "\\u003E", ord("<"): "\\u003C", ord("&"): "\\u0026"}


@register.simple_tag
def json_ld(data: dict[str, Any]) -> SafeString:
    """Structured data for search engines."""
    text = json.dumps(data).translate(_ESCAPES)
    return format_html('<script type="application/ld+json">{}</script>', mark_safe(text))  # noqa: S308  (escaped)
