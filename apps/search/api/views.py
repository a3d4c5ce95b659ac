"""Search for users, posts and tags."""

from collections.abc import Sequence
from dataclasses import astuple
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts.api.serializers import UserSerializer
from apps.accounts.models import User
from apps.content.api.serializers import PostSerializer, serialize_posts
from apps.core.api.schema import documented
from apps.media.api.variants import VARIANTS, PhotoViewSet
from apps.search import querysets, reads
from apps.search.api.filters import InvalidQuery, SearchFilter
from apps.search.api.serializers import FoundTagSerializer
from apps.social.api.serializers import serialize_profile
from apps.social.reads import find_profiles


@extend_schema(tags=["Search"])
class SearchViewSet(PhotoViewSet):
    permission_classes = [AllowAny]
    filterset_class = SearchFilter
    # The FilterSet needs a model. Each action searches rows of its own.
    queryset = User.objects.none()

    @property
    def query(self) -> str:
        """What is searched for. Raises InvalidQuery."""
        return str(self.get_filter_values()["q"])

    @documented(
        operation_id="searchUsers",
        summary="Search users",
        description="By handle and display name.",
        page_of=UserSerializer,
        errors=[InvalidQuery],
    )
    @action(detail=False)
    def users(self, request: Request) -> Response:
        query = self.query
        return self.paginate(
            lambda after, limit: reads.find_people(query, viewer_id=request.user.pk, after=after, limit=limit),
            position=astuple,
            serialize=self._serialize_people,
        )

    def _serialize_people(self, people: Sequence[reads.FoundPerson]) -> list[dict[str, Any]]:
        profiles = find_profiles([person.id for person in people], viewer_id=self.request.user.pk)
        return [serialize_profile(profile) for profile in profiles.values()]

    @documented(
        operation_id="searchPosts",
        summary="Search posts",
        description="By the words of their captions and by #tags, newest first.",
        page_of=PostSerializer,
        parameters=[VARIANTS],
        errors=[InvalidQuery],
    )
    @action(detail=False)
    def posts(self, request: Request) -> Response:
        viewer_id = request.user.pk
        page = self.paginate_queryset(querysets.find_posts(self.query, viewer_id=viewer_id).only("pk"))
        return self.get_paginated_response(serialize_posts([post.pk for post in page or []], viewer_id, self.variants))

    @documented(
        operation_id="searchTags",
        summary="Search tags",
        description="By prefix, in alphabetical order.",
        page_of=FoundTagSerializer,
        errors=[InvalidQuery],
    )
    @action(detail=False, serializer_class=FoundTagSerializer)
    def tags(self, request: Request) -> Response:
        tags = querysets.find_tags(self.query, viewer_id=request.user.pk)
        return self.paginate(
            lambda after, limit: querysets.page_of_tags(tags, after=after, limit=limit),
            position=lambda tag: (tag["searched"], tag["plain"]),
        )
