"""The home feed."""

from typing import Any
from uuid import UUID

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.content.api.cards import post_cards
from apps.content.api.posts import visible_posts
from apps.content.api.schemas import Post
from apps.content.querysets import PostQuerySet
from apps.core.api.pagination import Window, page
from apps.core.api.schema import documented
from apps.core.api.shapes import Shape
from apps.core.api.views import Endpoint
from apps.feed import explore, reading


class RefreshedFeed(Shape):
    results = Post(many=True)
    next_cursor = serializers.CharField(allow_null=True)
    new_since_last = serializers.IntegerField(min_value=0, max_value=reading.NEW_CAP)


class FeedEndpoint(Endpoint):
    @documented(summary="Posts of those one follows and one's own, newest first", page_of=Post)
    def list(self, request: Request) -> Response:
        window = Window.of(request, "feed")
        before = UUID(window.after[0]) if window.after else None
        found = reading.page(self.caller_id, _visible(request), limit=window.limit + 1, before=before)
        return Response(_page(request, window, *found))

    @documented(
        summary="Rebuild the timeline; its first page and how much of it is new", responses={200: RefreshedFeed}
    )
    def refresh(self, request: Request) -> Response:
        window = Window.of(request, "feed")
        found, new = reading.refresh(self.caller_id, _visible(request), limit=window.limit + 1)
        return Response(_page(request, window, *found) | {"new_since_last": new})


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
                list(posts.for_cards()[: window.limit + 1]),
                window,
                position=lambda post: [post.score, post.pk],
                cards=lambda shown: post_cards(shown, request.user.pk),
            )
        )


def _visible(request: Request) -> PostQuerySet:
    return visible_posts(request).for_cards()


def _page(request: Request, window: Window, ids: list[UUID], posts: dict[UUID, Any]) -> dict[str, Any]:
    def cards(shown: Any) -> list[dict[str, Any]]:
        return post_cards([posts[pk] for pk in shown if pk in posts], request.user.pk)

    return page(ids, window, position=lambda pk: [pk], cards=cards)
