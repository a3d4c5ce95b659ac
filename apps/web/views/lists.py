"""The present state of items of a list, for a list that the back button has restored."""

from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from apps.core.db.ids import parse_id
from apps.web.http import page
from apps.web.posts import present_posts

MAX_IDS = 50


@require_safe
@page()
def refresh_posts(request: HttpRequest) -> HttpResponse:
    """The changing parts of the posts `?ids=a,b,...`, without those that the viewer may not see any more."""
    return render(request, "web/parts/refreshed_posts.html", {"posts": present_posts(_ids(request), request.user.pk)})


def _ids(request: HttpRequest) -> list[UUID]:
    parts = request.GET.get("ids", "").split(",")[:MAX_IDS]
    return [pk for part in parts if (pk := parse_id(part))]
