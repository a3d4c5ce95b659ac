"""The present state of items of a list, for a list that the back button has restored."""

from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from apps.core.db.ids import parse_id
from apps.web.http import page, render_part
from apps.web.people import present_people
from apps.web.posts import present_posts

MAX_IDS = 50


@require_safe
@page()
def refresh_posts(request: HttpRequest) -> HttpResponse:
    """The changing parts of the posts `?ids=a,b,...`, without those that the viewer may not see any more."""
    posts = present_posts(_ids(request), request.user.pk)
    return render_part(request, "web/parts/refreshed_posts.html", {"posts": posts})


@require_safe
@page(members_only=True)
def refresh_people(request: HttpRequest) -> HttpResponse:
    """The follow buttons of the accounts `?ids=a,b,...`, without those that the member may not see any more."""
    people = present_people(_ids(request), request.user.pk)
    return render_part(request, "web/parts/refreshed_people.html", {"people": people})


def _ids(request: HttpRequest) -> list[UUID]:
    parts = request.GET.get("ids", "").split(",")[:MAX_IDS]
    return [pk for part in parts if (pk := parse_id(part))]
