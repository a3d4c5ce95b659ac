"""The start page (the home feed of a member, or the introduction) and explore."""

from collections.abc import Sequence
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.translation import ngettext
from django.views.decorators.http import require_safe

from apps.core.db.ids import parse_id
from apps.core.errors import BadRequest
from apps.engagement import reads
from apps.engagement.reads import PostRow
from apps.feed import explore, reading
from apps.feed.api.views import POSTS_IN_FEED
from apps.site import reads as site
from apps.web.http import load_preferences, member_id, page, render_page
from apps.web.lists import GRID, POSTS, ListPage, paginate, render_list
from apps.web.posts import present_posts, present_rows

# Posts of the introduction: three rows.
POPULAR = 9


@require_safe
@page()
def home(request: HttpRequest) -> HttpResponse:
    """The home feed, or for anonymous visitors what Photogram is."""
    if not request.user.is_authenticated:
        return _welcome(request)
    posts = _feed(request, member_id(request))
    return render_list(request, posts, template="web/feed.html", part="web/parts/posts.html", context={"posts": posts})


def _welcome(request: HttpRequest) -> HttpResponse:
    popular = explore.page(None, after=None, limit=POPULAR)
    context = {
        "posts": present_posts([post_id for _, post_id in popular], None),
        "site_description": site.current().description,
        "public_url": settings.PUBLIC_URL,
    }
    return render_page(request, "web/welcome.html", context)


def _feed(request: HttpRequest, viewer_id: UUID) -> ListPage:
    found: dict[UUID, PostRow] = {}

    def fetch(after: str | None, limit: int) -> Sequence[UUID]:
        before = UUID(after) if after else None
        ids, rows = reading.page(viewer_id, _posts_of(viewer_id), limit=limit, before=before)
        found.update(rows)
        return ids

    return paginate(
        request,
        "feed",
        fetch,
        position=lambda pk: pk,
        serialize=lambda ids: present_rows(
            [found[pk] for pk in ids if pk in found],
            viewer_id,
            show_sensitive=load_preferences(request)["show_sensitive"],
        ),
        limit=POSTS,
    )


def _posts_of(viewer_id: UUID) -> reading.Fetch[PostRow]:
    return lambda ids: reads.posts(ids, viewer_id, visible=POSTS_IN_FEED)


@require_safe
@page(members_only=True)
def new_posts(request: HttpRequest) -> HttpResponse:
    """How many posts of the feed are newer than `?after=`, the newest one that the page shows. For scripts."""
    after = parse_id(request.GET.get("after", ""))
    if after is None:
        raise BadRequest
    count = reading.count_newer(member_id(request), after)
    label = ngettext("%(count)s new post", "%(count)s new posts", count) % {"count": count}
    return JsonResponse({"count": count, "label": label})


@require_safe
@page()
def explore_page(request: HttpRequest) -> HttpResponse:
    """Popular posts."""
    viewer_id = request.user.pk
    posts = paginate(
        request,
        "explore",
        lambda after, limit: explore.page(viewer_id, after=after, limit=limit),
        position=lambda row: row,
        serialize=lambda rows: present_posts([post_id for _, post_id in rows], viewer_id),
        limit=GRID,
    )
    return render_list(
        request, posts, template="web/explore.html", part="web/parts/grid.html", context={"posts": posts}
    )
