"""Link previews, feeds, the sitemap, oEmbed and the pages about the site."""

import json
import re
from xml.etree import ElementTree

import pytest
from django.conf import settings

from apps.accounts.models import User
from apps.core import cache
from apps.media.models import Media
from apps.web.views import meta
from tests.conftest import clear_caches
from tests.factories import PostFactory, UserFactory
from tests.web.conftest import Browser

pytestmark = pytest.mark.django_db
XSS = "</script><script>alert(1)</script><img src=x onerror=alert(1)>\"'"
ATOM = "{http://www.w3.org/2005/Atom}"


def public_post(author, **fields):
    """A post with a photo whose public copies exist."""
    post = PostFactory(author=author, photos=1, **fields)
    Media.objects.filter(posts=post).update(public_secret="publicpublicpublicpublic")
    return post


def properties(page: str) -> dict[str, str]:
    return dict(re.findall(r'<meta (?:property|name)="([^"]+)" content="([^"]*)">', page))


def structured(page: str) -> dict:
    return json.loads(re.search(r'<script type="application/ld\+json">(.*?)</script>', page, re.S)[1])


@pytest.mark.parametrize("path", ["/about", "/rules", "/terms", "/privacy", "/robots.txt", "/sitemap.xml"])
def test_pages_about_the_site_are_open_to_everybody(path, db):
    assert Browser().get(path).status_code == 200


def test_public_post_has_a_preview(alice):
    post = public_post(alice, caption="Low tide")
    page = Browser().get(f"/p/{post.pk}").content.decode()
    shown = properties(page)
    assert shown["og:title"] == "Photo by Alice"
    assert shown["og:description"] == "Low tide"
    assert shown["og:image"].endswith(".jpg")
    assert shown["twitter:card"] == "summary_large_image"
    assert f'<link rel="canonical" href="{settings.PUBLIC_URL}/p/{post.pk}">' in page
    assert structured(page)["@type"] == "ImageObject"
    assert structured(page)["contentUrl"] == shown["og:image"]


def test_sensitive_post_has_a_preview_without_image(alice):
    post = public_post(alice, sensitive=True)
    page = Browser().get(f"/p/{post.pk}").content.decode()
    assert "og:image" not in properties(page)
    assert "contentUrl" not in structured(page)
    embed = Browser().get("/oembed", {"url": f"{settings.PUBLIC_URL}/p/{post.pk}"}).json()
    assert embed["type"] == "link"
    assert "url" not in embed


def test_post_for_followers_has_no_preview(alice, bob):
    post = PostFactory(author=alice, photos=1, visibility="followers")
    page = Browser(bob).get(f"/p/{post.pk}").content.decode()
    assert "og:title" not in properties(page)
    assert properties(page)["robots"] == "noindex"
    assert Browser().get("/oembed", {"url": f"{settings.PUBLIC_URL}/p/{post.pk}"}).status_code == 404


@pytest.mark.parametrize(
    "changes", [{"visibility": "followers"}, {"status": "processing"}, {"taken_down_at": "2026-01-01T00:00:00Z"}]
)
def test_post_that_is_not_public_is_in_no_feed_and_no_sitemap(changes, alice):
    post = PostFactory(author=alice, **changes)
    for path in ("/@alice/feed.atom", "/sitemap-posts.xml"):
        assert str(post.pk) not in Browser().get(path).content.decode()


@pytest.mark.parametrize("changes", [{"is_private": True}, {"state": "suspended"}, {"state": "leaving"}])
def test_account_that_is_not_public_has_no_feed_and_is_in_no_sitemap(changes, alice):
    post = PostFactory(author=alice)
    User.objects.filter(pk=alice.pk).update(**changes)
    assert Browser().get("/@alice/feed.atom").status_code == 404
    assert "/@alice" not in Browser().get("/sitemap-profiles.xml").content.decode()
    assert str(post.pk) not in Browser().get("/sitemap-posts.xml").content.decode()


def test_setting_discoverable_controls_search_engines(alice):
    post = PostFactory(author=alice, photos=1)
    pages = [f"/p/{post.pk}", "/@alice"]
    assert all("noindex" not in Browser().get(path).content.decode() for path in pages)
    assert "/@alice" in Browser().get("/sitemap-profiles.xml").content.decode()
    assert str(post.pk) in Browser().get("/sitemap-posts.xml").content.decode()
    clear_caches()
    User.objects.filter(pk=alice.pk).update(settings={"discoverable": False})
    assert all("noindex" in Browser().get(path).content.decode() for path in pages)
    assert "/@alice" not in Browser().get("/sitemap-profiles.xml").content.decode()
    assert str(post.pk) not in Browser().get("/sitemap-posts.xml").content.decode()


def test_atom_feed_lists_public_posts(alice):
    posts = [PostFactory(author=alice, photos=1, caption=f"Tide {number} #husum") for number in range(3)]
    response = Browser().get("/@alice/feed.atom")
    assert response.headers["Content-Type"].startswith("application/atom+xml")
    entries = ElementTree.fromstring(response.content).findall(f"{ATOM}entry")  # noqa: S314  (our own document)
    links = [entry.find(f"{ATOM}link").get("href") for entry in entries]
    assert links == [f"{settings.PUBLIC_URL}/p/{post.pk}" for post in reversed(posts)]


@pytest.mark.parametrize("handle", ["nobody", "%00", "ä", "a" * 40])
def test_feed_of_no_account_is_not_found(handle, db):
    assert Browser().get(f"/@{handle}/feed.atom").status_code == 404


def test_oembed_describes_a_public_post(alice):
    post = public_post(alice, caption="Low tide")
    embed = Browser().get("/oembed", {"url": f"{settings.PUBLIC_URL}/p/{post.pk}"}).json()
    assert embed["type"] == "photo"
    assert embed["author_name"] == "Alice"
    assert embed["width"] > 0


@pytest.mark.parametrize(
    "url", ["", "http://evil.example/p/1", "{site}", "{site}/@alice", "{site}/p/x", "{site}//[", "{site}/\0"]
)
def test_oembed_of_another_url_is_not_found(url, alice):
    response = Browser().get("/oembed", {"url": url.format(site=settings.PUBLIC_URL)})
    assert response.status_code == 404


def test_previews_escape_texts(db):
    author = UserFactory(handle="eve", display_name=XSS[:50], bio=XSS)
    post = PostFactory(author=author, photos=1, caption=XSS)
    for path in (f"/p/{post.pk}", "/@eve", "/@eve/feed.atom"):
        content = Browser().get(path).content.decode()
        assert "<script>alert" not in content
        assert "<img src=x" not in content
    assert structured(Browser().get("/@eve").content.decode())["mainEntity"]["description"] == XSS


def test_sitemap_is_kept_for_as_long_as_its_header_says(alice, django_assert_num_queries):
    sections = ["/sitemap.xml", "/sitemap-posts.xml", "/sitemap-profiles.xml"]
    first = [Browser().get(path).content for path in sections]
    PostFactory(author=alice)
    with django_assert_num_queries(0):
        again = [Browser().get(path) for path in sections]
    assert [response.content for response in again] == first
    assert {response.headers["Cache-Control"] for response in again} == {f"public, max-age={meta.CACHED_FOR}"}
    kept = cache.call(lambda client: [client.ttl(key) for key in client.scan_iter(cache.key("page", "sitemap*"))])
    assert len(kept) == len(sections)
    assert max(kept) <= meta.CACHED_FOR
    assert [Browser().get(f"/sitemap-posts.xml?p={number}").status_code for number in ("2", "x")] == [404, 404]


def test_sitemap_is_there_without_redis(alice, monkeypatch):
    def fail(command):
        raise cache.RedisUnavailable

    monkeypatch.setattr(cache, "call", fail)
    assert "/@alice" in Browser().get("/sitemap-profiles.xml").text


def test_sitemap_has_files_of_limited_size(alice, monkeypatch):
    posts = [PostFactory(author=alice) for _ in range(4)]
    monkeypatch.setattr(meta.PostSitemap, "limit", 2)
    monkeypatch.setattr(meta.PostSitemap, "most", 3)
    assert meta.PostSitemap.limit <= 50_000
    index = Browser().get("/sitemap.xml").text
    assert f"{settings.PUBLIC_URL}/sitemap-posts.xml?p=2" in index
    found = [Browser().get(f"/sitemap-posts.xml?p={number}").text for number in (1, 2)]
    assert [[str(post.pk) in page for post in reversed(posts)] for page in found] == [
        [True, True, False, False],
        [False, False, True, False],
    ]


def test_robots_names_the_sitemap(db):
    text = Browser().get("/robots.txt").content.decode()
    assert f"Sitemap: {settings.PUBLIC_URL}/sitemap.xml" in text
    assert "Disallow: /settings" in text
