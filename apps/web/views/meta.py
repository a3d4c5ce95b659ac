"""Pages about the site, and what other sites, readers and search engines fetch."""

from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any, cast
from urllib.parse import urlsplit
from uuid import UUID

from django.conf import settings
from django.contrib.sitemaps import Sitemap
from django.contrib.sitemaps.views import SitemapIndexItem
from django.contrib.sitemaps.views import sitemap as sitemap_section
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template.loader import render_to_string
from django.urls import Resolver404, resolve, reverse
from django.utils.feedgenerator import Atom1Feed, Enclosure
from django.utils.text import Truncator
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe
from django.views.i18n import set_language

from apps.accounts import consents
from apps.accounts.models import User
from apps.accounts.querysets import UserQuerySet
from apps.content import captions
from apps.content.models import Post
from apps.content.querysets import PostQuerySet
from apps.core import cache
from apps.core.db.ids import moment_of
from apps.core.errors import NotFound
from apps.engagement import reads
from apps.site import reads as site
from apps.site.models import DocumentVersion
from apps.social.reads import find_profile
from apps.web.http import (
    ANNOUNCEMENTS_COOKIE,
    current_announcements,
    go_back,
    is_htmx,
    member_id,
    page,
    render_page,
)
from apps.web.posts import present_post, present_posts
from apps.web.previews import absolute, embed_post, get_cover

ENTRIES = 20
# Seconds for which a browser remembers the announcements that it has dismissed.
DISMISSED_FOR = 180 * 24 * 3600
# Answers for readers and search engines, which ask often.
CACHED_FOR = 600
_CACHED = f"public, max-age={CACHED_FOR}"


@require_POST
@page()
def choose_language(request: HttpRequest) -> HttpResponse:
    """Keep the language that a visitor chooses in a cookie, and go back to the page. Members have a setting."""
    return set_language(request)


@require_safe
@page()
def about(request: HttpRequest) -> HttpResponse:
    return render_page(request, "web/about.html", {"public_url": settings.PUBLIC_URL})


@require_safe
@page()
def rules(request: HttpRequest) -> HttpResponse:
    return render_page(request, "web/rules.html", {"rules": site.rules()})


@require_safe
@page()
def terms(request: HttpRequest) -> HttpResponse:
    return _document(request, DocumentVersion.Kind.TERMS, {})


@require_safe
@page()
def privacy(request: HttpRequest) -> HttpResponse:
    context = {
        "grace_days": settings.ERASURE_GRACE.days,
        "session_days": settings.REFRESH_TOKEN_LIFETIME.days,
    }
    return _document(request, DocumentVersion.Kind.PRIVACY, context)


def _document(request: HttpRequest, kind: str, context: dict[str, Any]) -> HttpResponse:
    """The page of the terms or of the privacy policy: the version in effect, or that which `?version=` names. A site
    that has published none has a general text. Raises NotFound for another version."""
    in_effect = site.documents_in_effect().get(kind)
    shown = in_effect
    if number := request.GET.get("version"):
        shown = site.document(kind, _version_number(number))
        if shown is None:
            raise NotFound
    versions = {"document": shown, "in_effect": in_effect, "upcoming": site.upcoming_document(kind)}
    return render_page(request, f"web/{kind}.html", context | versions)


def _version_number(typed: str) -> int:
    """0 for a text that is no number of a version."""
    return int(typed) if typed.isascii() and typed.isdecimal() and len(typed) < 6 else 0


@require_POST
@page(members_only=True)
def accept_documents(request: HttpRequest) -> HttpResponse:
    """Accept the versions that a form names."""
    numbers = {kind: _version_number(request.POST.get(kind, "")) for kind in DocumentVersion.Kind.values}
    consents.accept(member_id(request), {kind: number for kind, number in numbers.items() if number})
    return HttpResponse() if is_htmx(request) else go_back(request)


@require_POST
@page()
def dismiss_announcement(request: HttpRequest, announcement_id: UUID) -> HttpResponse:
    """Do not show an announcement in this browser any more."""
    response = HttpResponse() if is_htmx(request) else go_back(request)
    shown = {each.pk.hex for each in site.announcements()}
    # Former ones are forgotten, so that the cookie stays short.
    still_shown = {each.pk.hex for each in current_announcements(request)} - {announcement_id.hex}
    response.set_cookie(
        ANNOUNCEMENTS_COOKIE,
        ".".join(sorted(shown - still_shown)),
        max_age=DISMISSED_FOR,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )
    return response


# ── Other sites ──────────────────────────────────────────────────────────────────────────────────────────
@require_safe
@page()
def oembed(request: HttpRequest) -> HttpResponse:
    """The preview of a public post by its URL (oembed.com). Raises NotFound, also for every other URL."""
    if request.GET.get("format", "json") != "json":
        return HttpResponse(status=501)
    url = request.GET.get("url", "")
    if not url.startswith(f"{settings.PUBLIC_URL}/"):
        raise NotFound
    try:
        match = resolve(urlsplit(url.removeprefix(settings.PUBLIC_URL)).path)
    except (Resolver404, ValueError) as error:
        raise NotFound from error
    if match.view_name != "web:post":
        raise NotFound
    post = present_post(reads.post(match.kwargs["post_id"], None), None)
    return JsonResponse(embed_post(post), headers={"Cache-Control": _CACHED, "Access-Control-Allow-Origin": "*"})


@require_safe
@page()
def profile_feed(request: HttpRequest, handle: str) -> HttpResponse:
    """The newest public posts of an account as an Atom feed. Raises NotFound for private accounts."""
    name = handle.lower()
    profile = find_profile(name, viewer_id=None) if name.isascii() and "\0" not in name else None
    if profile is None or profile.is_private:
        raise NotFound
    posts: PostQuerySet = Post.objects.public()
    ids = posts.written_by(profile.id).page_of_ids(after=None, limit=ENTRIES)
    path = reverse("web:profile", args=[profile.handle])
    return _atom(f"{profile.display_name or profile.handle} (@{profile.handle})", path, ids)


@require_safe
@page()
def tag_feed(request: HttpRequest, tag: str) -> HttpResponse:
    """The newest public posts with a tag as an Atom feed."""
    name = captions.normalise_tag(tag.removeprefix("#")) or ""
    posts: PostQuerySet = Post.objects.public().in_reach()
    ids = posts.tagged(name).page_of_ids(after=None, limit=ENTRIES)
    return _atom(f"#{name}", reverse("web:tag", args=[name or tag]), ids)


def _atom(title: str, path: str, ids: Iterable[Any]) -> HttpResponse:
    feed = Atom1Feed(
        title=f"{title} · {site.current().name}",
        link=absolute(path),
        description="",
        feed_url=absolute(f"{path}/feed.atom"),
        language=get_language(),
    )
    for post in present_posts(ids, None):
        author, url = post["author"], absolute(post["url"])
        name = author["display_name"] or author["handle"]
        photo = get_cover(post)
        feed.add_item(
            title=Truncator(post["caption"]).chars(80) or _("Photo by %(name)s") % {"name": name},
            link=url,
            description=post["caption_html"],
            author_name=name,
            author_link=absolute(reverse("web:profile", args=[author["handle"]])),
            unique_id=url,
            pubdate=post["created_at"],
            updateddate=post["edited_at"] or post["created_at"],
            categories=post["tags"],
            enclosures=[Enclosure(photo["large"], "", "image/jpeg")] if photo else [],
        )
    content = feed.writeString("utf-8")
    return HttpResponse(content, content_type="application/atom+xml; charset=utf-8", headers={"Cache-Control": _CACHED})


# ── Search engines ───────────────────────────────────────────────────────────────────────────────────────
class _NewestSitemap(Sitemap):  # type: ignore[type-arg]
    """The newest rows, in files of a few thousand URLs. A search engine finds older ones by links."""

    limit = 5000
    # Rows in all files together, so that the slowest file still takes little time.
    most = 50_000

    def get_domain(self, site: Any = None) -> str:
        return urlsplit(settings.PUBLIC_URL).netloc

    def get_protocol(self, protocol: str | None = None) -> str:
        return urlsplit(settings.PUBLIC_URL).scheme


class ProfileSitemap(_NewestSitemap):
    def items(self) -> UserQuerySet:
        profiles: UserQuerySet = User.objects.discoverable().in_reach().only("handle").order_by("-pk")[: self.most]
        return profiles

    def location(self, item: User) -> str:
        return reverse("web:profile", args=[item.handle])


class PostSitemap(_NewestSitemap):
    def items(self) -> PostQuerySet:
        posts: PostQuerySet = Post.objects.public().in_reach().filter(author__in=User.objects.discoverable())
        return posts.only("id", "edited_at").order_by("-pk")[: self.most]

    def location(self, item: Post) -> str:
        return reverse("web:post", args=[item.pk])

    def lastmod(self, item: Post) -> Any:
        return item.edited_at or moment_of(item.pk)


SITEMAPS: dict[str, type[_NewestSitemap]] = {"profiles": ProfileSitemap, "posts": PostSitemap}


@require_safe
@page()
def sitemap(request: HttpRequest, section: str | None = None) -> HttpResponse:
    """The index of sitemaps, or one of them: public posts and profiles whose owners allow search engines."""

    def render() -> bytes:
        if section is None:
            return _sitemap_index().encode()
        return sitemap_section(request, dict(SITEMAPS), section).rendered_content.encode()

    # Invalid pages are not kept: Django raises Http404.
    content = _cached(f"sitemap:{section or ''}:{request.GET.get('p', 1)}", render)
    headers = {"Cache-Control": _CACHED, "X-Robots-Tag": "noindex, noodp, noarchive"}
    return HttpResponse(content, content_type="application/xml", headers=headers)


def _sitemap_index() -> str:
    """The files of all sitemaps. The view of Django would read all rows for the time of the last change."""
    files = [
        SitemapIndexItem(f"{absolute(reverse('web:sitemap_section', args=[section]))}?p={number}")
        for section, sitemap_class in SITEMAPS.items()
        for number in sitemap_class().paginator.page_range
    ]
    return render_to_string("sitemap_index.xml", {"sitemaps": files})


def _cached(name: str, render: Callable[[], bytes]) -> bytes:
    """What `render` returns, kept in Redis for CACHED_FOR seconds."""
    key = cache.key("page", name)
    with suppress(cache.RedisUnavailable):
        if kept := cache.call(lambda client: client.get(key)):
            return cast(bytes, kept)
    content = render()
    with suppress(cache.RedisUnavailable):
        cache.call(lambda client: client.set(key, content, ex=CACHED_FOR))
    return content


@require_safe
@page()
def robots(request: HttpRequest) -> HttpResponse:
    lines = [
        "User-agent: *",
        *(
            f"Disallow: {path}"
            for path in ("/admin/", "/v1/", "/web/", "/settings", "/search", "/report", "/appeal", "/invite/")
        ),
        f"Sitemap: {absolute(reverse('web:sitemap'))}",
    ]
    text = "\n".join(lines) + "\n"
    return HttpResponse(text, content_type="text/plain; charset=utf-8", headers={"Cache-Control": _CACHED})
