"""The home feed and explore."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.content.api.serializers import PostSerializer, serialize_post, serialize_posts
from apps.content.models import Post
from apps.core.api.pagination import Window, page
from apps.core.api.schema import documented
from apps.core.api.views import Endpoint
from apps.core.db.compiled import CompiledQuery
from apps.engagement import reads
from apps.engagement.reads import PostRow
from apps.feed import explore, reading, timeline

# The rules are applied to every id, wherever it comes from.
POSTS_IN_FEED = CompiledQuery(
    lambda viewer: timeline.in_feed_of(viewer, Post.objects.visible_to(viewer)).with_is_public()
)


class RefreshedFeedSerializer(serializers.Serializer[Any]):
    results = PostSerializer(many=True)
    next_cursor = serializers.CharField(allow_null=True)
    new_since_last = serializers.IntegerField(min_value=0, max_value=reading.NEW_CAP)


class FeedEndpoint(Endpoint):
    @documented(summary="Posts of those one follows and one's own, newest first", page_of=PostSerializer)
    def list(self, request: Request) -> Response:
        window = Window.of(request, "feed")
        before = UUID(window.after[0]) if window.after else None
        ids, posts = reading.page(self.caller_id, self._posts, limit=window.limit + 1, before=before)
        return Response(self._page(window, ids, posts))

    @documented(
        summary="Rebuild the timeline; its first page and how much of it is new",
        responses={200: RefreshedFeedSerializer},
    )
    def refresh(self, request: Request) -> Response:
        window = Window.of(request, "feed")
        ids, posts, new = reading.refresh(self.caller_id, self._posts, limit=window.limit + 1)
        return Response(self._page(window, ids, posts) | {"new_since_last": new})

    def _posts(self, ids: Sequence[UUID]) -> dict[UUID, PostRow]:
        return reads.posts(ids, self.caller_id, visible=POSTS_IN_FEED)

    def _page(self, window: Window, ids: Sequence[UUID], posts: dict[UUID, PostRow]) -> dict[str, Any]:
        def serialize(shown: Sequence[UUID]) -> Sequence[dict[str, Any]]:
            return [serialize_post(posts[pk], self.caller_id) for pk in shown if pk in posts]

        return page(ids, window, position=lambda pk: [pk], cards=serialize)


class ExploreEndpoint(Endpoint):
    open_to_all = frozenset({"list"})

    @documented(summary="Recent popular posts for everybody", page_of=PostSerializer)
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
                cards=lambda shown: serialize_posts([pk for _, pk in shown], request.user.pk),
            )
        )
