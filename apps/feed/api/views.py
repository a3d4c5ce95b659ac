"""The home feed and explore."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from apps.content.api.serializers import PostSerializer, serialize_post, serialize_posts
from apps.content.models import Post
from apps.core.api.pagination import CURSOR
from apps.core.api.schema import documented, example
from apps.core.db.compiled import CompiledQuery
from apps.engagement import reads
from apps.engagement.reads import PostRow
from apps.feed import explore, reading, timeline
from apps.media.api.variants import VARIANTS, PhotoViewSet

# The rules are applied to every id, wherever it comes from.
POSTS_IN_FEED = CompiledQuery(
    lambda viewer: timeline.in_feed_of(viewer, Post.objects.visible_to(viewer)).with_is_public()
)


@example({"next_cursor": CURSOR, "new_since_last": 5})
class RefreshedFeedSerializer(serializers.Serializer[Any]):
    results = PostSerializer(many=True)
    next_cursor = serializers.CharField(allow_null=True)
    new_since_last = serializers.IntegerField(min_value=0, max_value=reading.NEW_CAP)


@extend_schema(tags=["Feed"])
class FeedViewSet(PhotoViewSet):
    serializer_class = PostSerializer

    @documented(
        operation_id="listFeed",
        summary="List the home feed",
        description="Posts of the accounts that the user follows, and the user's own, newest first.",
        page_of=PostSerializer,
        parameters=[VARIANTS],
    )
    def list(self, request: Request) -> Response:
        posts: dict[UUID, PostRow] = {}

        def fetch(after: str | None, limit: int) -> Sequence[UUID]:
            before = UUID(after) if after else None
            ids, found = reading.page(self.caller_id, self._posts, limit=limit, before=before)
            posts.update(found)
            return ids

        return self._paginate(fetch, posts)

    @documented(
        operation_id="refreshFeed",
        summary="Refresh the home feed",
        description="Rebuilds the timeline. Returns the first page and the number of posts since the last refresh.",
        responses={200: RefreshedFeedSerializer},
        parameters=[VARIANTS],
    )
    @action(detail=False, methods=["post"])
    def refresh(self, request: Request) -> Response:
        posts: dict[UUID, PostRow] = {}
        new_since_last = 0

        def fetch(after: str | None, limit: int) -> Sequence[UUID]:
            nonlocal new_since_last
            ids, found, new_since_last = reading.refresh(self.caller_id, self._posts, limit=limit)
            posts.update(found)
            return ids

        # The cursor continues `list`.
        self.action = "list"
        response = self._paginate(fetch, posts)
        response.data["new_since_last"] = new_since_last
        return response

    def _posts(self, ids: Sequence[UUID]) -> dict[UUID, PostRow]:
        return reads.posts(ids, self.caller_id, visible=POSTS_IN_FEED)

    def _paginate(self, fetch: Any, posts: dict[UUID, PostRow]) -> Response:
        return self.paginate(
            fetch,
            position=lambda pk: pk,
            serialize=lambda ids: [
                serialize_post(posts[pk], self.caller_id, self.variants) for pk in ids if pk in posts
            ],
        )


@extend_schema(tags=["Feed"])
class ExploreViewSet(PhotoViewSet):
    permission_classes = [AllowAny]
    serializer_class = PostSerializer

    @documented(
        operation_id="listPopularPosts",
        summary="List popular posts",
        description="Recent posts, best first.",
        page_of=PostSerializer,
        parameters=[VARIANTS],
    )
    def list(self, request: Request) -> Response:
        viewer_id = request.user.pk
        return self.paginate(
            lambda after, limit: explore.page(viewer_id, after=after, limit=limit),
            position=lambda row: row,
            serialize=lambda rows: serialize_posts([post_id for _, post_id in rows], viewer_id, self.variants),
        )
