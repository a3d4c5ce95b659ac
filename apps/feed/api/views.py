"""The home feed."""

import builtins
from typing import Any
from uuid import UUID

from orjson import Fragment
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.content.api import schemas
from apps.content.api.cards import post_cards, post_cards_of
from apps.content.models import Post
from apps.core.api.pagination import Window, page
from apps.core.api.schema import documented
from apps.core.api.shapes import Shape
from apps.core.api.views import Endpoint
from apps.core.db.ids import PackedId
from apps.core.db.statements import Statement
from apps.feed import explore, live, reading, timeline

# The rules are asked anew of every id, wherever it comes from.
IN_THE_FEED = Statement(
    lambda viewer: timeline.belonging_to(viewer, Post.objects.visible_to(viewer)).for_cards(), "viewer"
)


class RefreshedFeed(Shape):
    results = schemas.Post(many=True)
    next_cursor = serializers.CharField(allow_null=True)
    new_since_last = serializers.IntegerField(min_value=0, max_value=reading.NEW_CAP)


class FeedEndpoint(Endpoint):
    @documented(summary="Posts of those one follows and one's own, newest first", page_of=schemas.Post)
    def list(self, request: Request) -> Response:
        window = Window.of(request, "feed")
        before = UUID(window.after[0]) if window.after else None
        glance = live.look(self.caller_id, may_build=before is None)
        found = reading.page(self.caller_id, self._cards, glance, limit=window.limit + 1, before=before)
        return Response(_page(window, *found))

    @documented(
        summary="Rebuild the timeline; its first page and how much of it is new", responses={200: RefreshedFeed}
    )
    def refresh(self, request: Request) -> Response:
        window = Window.of(request, "feed")
        found, new = reading.refresh(self.caller_id, self._cards, limit=window.limit + 1)
        return Response(_page(window, *found) | {"new_since_last": new})

    def _cards(self, ids: builtins.list[PackedId]) -> dict[PackedId, Fragment]:
        return post_cards_of(ids, self.caller_id, among=IN_THE_FEED)


class ExploreEndpoint(Endpoint):
    open_to_all = frozenset({"list"})

    @documented(summary="Recent popular posts for everybody", page_of=schemas.Post)
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
                cards=lambda shown: post_cards([pk for _, pk in shown], request.user.pk),
            )
        )


def _page(window: Window, ids: list[PackedId], cards: dict[PackedId, Fragment]) -> dict[str, Any]:
    def of(shown: Any) -> list[Fragment]:
        return [card for pk in shown if (card := cards.get(pk))]

    return page(ids, window, position=lambda pk: [UUID(bytes=pk)], cards=of)
