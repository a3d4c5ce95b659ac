"""The home feed."""

from typing import Any
from uuid import UUID

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.content.api.cards import in_order
from apps.content.api.schemas import Post
from apps.core.api.pagination import Window, page
from apps.core.api.schema import documented
from apps.core.api.shapes import Shape
from apps.core.api.views import Endpoint
from apps.feed import explore, timeline


class RefreshedFeed(Shape):
    results = Post(many=True)
    next_cursor = serializers.CharField(allow_null=True)
    new_since_last = serializers.IntegerField(min_value=0, max_value=timeline.NEW_CAP)


class FeedEndpoint(Endpoint):
    @documented(summary="Posts of those one follows and one's own, newest first", page_of=Post)
    def list(self, request: Request) -> Response:
        window = Window.of(request, "feed")
        before = window.after[0] if window.after else None
        ids = timeline.newest_ids(self.caller_id, limit=window.limit + 1, before=before)
        return Response(_page(request, window, ids))

    @documented(
        summary="Rebuild the timeline; its first page and how much of it is new", responses={200: RefreshedFeed}
    )
    def refresh(self, request: Request) -> Response:
        window = Window.of(request, "feed")
        ids = timeline.newest_ids(self.caller_id, limit=window.limit + 1)
        new = timeline.note_refresh(self.caller_id, ids)
        return Response(_page(request, window, ids) | {"new_since_last": new})


class ExploreEndpoint(Endpoint):
    open_to_all = frozenset({"list"})

    @documented(summary="Recent popular posts for everybody", page_of=Post)
    def list(self, request: Request) -> Response:
        window = Window.of(request, "explore")
        posts = explore.popular_posts(request.user.pk)
        if window.after:
            posts = explore.after(posts, *window.after)
        return Response(
            page(
                list(posts.values_list("score", "pk")[: window.limit + 1]),
                window,
                position=list,
                cards=lambda shown: in_order([pk for _, pk in shown], request.user.pk),
            )
        )


def _page(request: Request, window: Window, ids: list[UUID]) -> dict[str, Any]:
    """Hydrated through the visibility rule, so that an id alone never shows a post."""
    timeline.PAGES.labels("built").inc()
    return page(ids, window, position=lambda pk: [pk], cards=lambda shown: in_order(shown, request.user.pk))
