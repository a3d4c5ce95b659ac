"""Every page: one heading of the first level, a title, and landmarks."""

import re
from html.parser import HTMLParser
from uuid import uuid4

import pytest
from django.urls import URLPattern, reverse

from apps.web.urls import urlpatterns
from tests.factories import CommentFactory, PostFactory

pytestmark = pytest.mark.django_db

# Arguments of routes that are not objects of the test.
OPTIONS = {"action": "follow", "answer": "accept", "kind": "muted", "section": "posts", "tag": "husum"}
QUERIES = {"report": "?type=user&id={user}", "search": "?q=alice"}


class Outline(HTMLParser):
    """The elements of a page that assistive technology starts from. Content of <template> is not part of the page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self._templates = 0
        self._is_in_main = False
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "template":
            self._templates += 1
        if not self._templates and tag in {"h1", "main", "nav", "title"}:
            self.found.append(tag)
        if tag == "html" and dict(attrs).get("lang"):
            self.found.append("lang")
        # It is a landmark of its own (axe: landmark-complementary-is-top-level).
        if tag == "aside" and self._is_in_main:
            self.found.append("aside in main")
        self._is_in_main |= tag == "main"

    def handle_endtag(self, tag: str) -> None:
        if tag == "template":
            self._templates -= 1
        if tag == "main":
            self._is_in_main = False


@pytest.fixture
def path_of(alice):
    """The path of a route, with objects of alice."""
    post = PostFactory(author=alice, caption="Low tide at #husum")
    comment = CommentFactory(post=post, author=alice)
    values = OPTIONS | {"handle": "alice", "post_id": post.pk, "comment_id": comment.pk}

    def make(route: URLPattern) -> str:
        names = route.pattern.converters or re.compile(route.pattern.regex.pattern).groupindex
        path = reverse(f"web:{route.name}", kwargs={name: values.get(name, uuid4()) for name in names})
        return path + QUERIES.get(route.name or "", "").format(user=alice.pk)

    return make


@pytest.mark.slow
@pytest.mark.parametrize("role", ["anonymous", "member", "owner", "moderator"])
def test_every_page_has_a_heading_a_title_and_landmarks(role, alice, bob, mod, path_of, browse):
    browser = browse({"member": bob, "owner": alice, "moderator": mod}.get(role))
    wrong = {}
    pages = 0
    # The browser keeps the page "offline" for every member, so it has no navigation.
    without_navigation = {"offline"}
    for route in urlpatterns:
        response = browser.get(path_of(route))
        assert response.status_code < 500, route.name
        if not response.headers.get("Content-Type", "").startswith("text/html") or response.status_code in {302, 405}:
            continue
        html = response.content.decode()
        if "<html" not in html:
            continue  # A part of a page.
        pages += 1
        outline = Outline(html).found
        wanted = {"lang": 1, "title": 1, "main": 1, "h1": 1, "aside in main": 0} | (
            {"nav": 1} if response.status_code == 200 and route.name not in without_navigation else {}
        )
        counts = {tag: outline.count(tag) for tag in wanted}
        if any(counts[tag] != wanted[tag] for tag in wanted if tag != "nav") or counts.get("nav") == 0:
            wrong[route.name] = counts
        title = re.search(r"<title>(.*?)</title>", html, re.DOTALL)
        assert title is not None, route.name
        assert title[1].strip(), route.name
    assert wrong == {}
    assert pages > 15
