"""Search for people, posts and tags, and the posts of a tag."""

from collections.abc import Callable
from dataclasses import astuple

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from apps.content import captions
from apps.content.models import Post
from apps.search import querysets, reads
from apps.search.api.filters import MAX_LENGTH, InvalidQuery, QueryField
from apps.web.errors import field_errors
from apps.web.http import page, render_page, render_part, wants_part
from apps.web.lists import GRID, PEOPLE, ListPage, paginate, paginate_queryset, render_list
from apps.web.people import present_people
from apps.web.posts import present_posts

TAGS = 30


# ── Search ───────────────────────────────────────────────────────────────────────────────────────────────
@require_safe
@page()
def search_page(request: HttpRequest) -> HttpResponse:
    """The search: `?q=`, and `?type=people`, `posts` or `tags`. Without a query it only asks for one."""
    kind = request.GET.get("type", "")
    kind = kind if kind in _SEARCHES else "people"
    context = {"query": request.GET.get("q", "").strip(), "kind": kind, "max_length": MAX_LENGTH, "errors": {}}
    try:
        results = _search(request, kind) if context["query"] else None
    except InvalidQuery as error:
        if wants_part(request):
            raise
        return render_page(request, "web/search.html", context | {"errors": field_errors(error)}, status=error.status)
    context |= {"results": results}
    if not wants_part(request):
        return render_page(request, "web/search.html", context)
    is_next_page = results is not None and not results.is_first
    return render_part(request, _PARTS[kind] if is_next_page else "web/parts/results.html", context)


def _search(request: HttpRequest, kind: str) -> ListPage:
    return _SEARCHES[kind](request, QueryField().clean(request.GET["q"]))


def _find_people(request: HttpRequest, query: str) -> ListPage:
    viewer_id = request.user.pk
    return paginate(
        request,
        "search-people",
        lambda after, limit: reads.find_people(query, viewer_id=viewer_id, after=after, limit=limit),
        position=astuple,
        serialize=lambda people: present_people([person.id for person in people], viewer_id),
        limit=PEOPLE,
        filters={"q": query, "type": "people"},
    )


def _find_posts(request: HttpRequest, query: str) -> ListPage:
    viewer_id = request.user.pk
    return paginate_queryset(
        request,
        "search-posts",
        querysets.find_posts(query, viewer_id=viewer_id).only("pk"),
        serialize=lambda posts: present_posts([post.pk for post in posts], viewer_id),
        limit=GRID,
        filters={"q": query, "type": "posts"},
    )


def _find_tags(request: HttpRequest, query: str) -> ListPage:
    tags = querysets.find_tags(query, viewer_id=request.user.pk)
    return paginate(
        request,
        "search-tags",
        lambda after, limit: querysets.page_of_tags(tags, after=after, limit=limit),
        position=lambda tag: (tag["searched"], tag["plain"]),
        limit=TAGS,
        filters={"q": query, "type": "tags"},
    )


_SEARCHES: dict[str, Callable[[HttpRequest, str], ListPage]] = {
    "people": _find_people,
    "posts": _find_posts,
    "tags": _find_tags,
}
# The items of the next page.
_PARTS = {
    "people": "web/parts/found_people.html",
    "posts": "web/parts/found_posts.html",
    "tags": "web/parts/found_tags.html",
}


# ── Tags ─────────────────────────────────────────────────────────────────────────────────────────────────
@require_safe
@page()
def tag_page(request: HttpRequest, tag: str) -> HttpResponse:
    """The posts with a tag, newest first."""
    viewer_id = request.user.pk
    name = captions.normalise_tag(tag.removeprefix("#")) or ""  # no post has an invalid tag
    found = Post.objects.visible_to(viewer_id).published().in_reach()
    posts = paginate(
        request,
        "tag",
        lambda after, limit: found.tagged(name, before=after).page_of_ids(after=after, limit=limit),
        position=lambda pk: pk,
        serialize=lambda ids: present_posts(ids, viewer_id),
        limit=GRID,
        scope={"tag": name},
    )
    return render_list(
        request,
        posts,
        template="web/tag.html",
        part="web/parts/grid.html",
        context={"tag": name or tag, "posts": posts},
    )
