"""Search for people, posts and tags."""

from dataclasses import astuple
from uuid import UUID

from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts.api.schemas import User as UserShape
from apps.content.api.cards import post_page
from apps.content.api.schemas import Post as PostShape
from apps.core.api.pagination import Window, newest_first, oldest_first, page
from apps.core.api.schema import documented
from apps.core.api.views import Endpoint
from apps.search import querysets, reads
from apps.search.api.queries import MAX_LENGTH, InvalidQuery, query_of
from apps.search.api.schemas import FoundTag
from apps.social.api.cards import serialize_profile
from apps.social.reads import find_profiles

Q = OpenApiParameter("q", str, required=True, description=f"1 to {MAX_LENGTH} characters after trimming.")


class SearchEndpoint(Endpoint):
    open_to_all = frozenset({"users", "posts", "tags"})

    @documented(
        summary="Search users by handle and display name", page_of=UserShape, errors=[InvalidQuery], parameters=[Q]
    )
    def users(self, request: Request) -> Response:
        query = query_of(request)
        window = Window.of(request, "search-users", q=query)
        found = reads.find_people(query, viewer_id=request.user.pk, after=_position(window), limit=window.limit + 1)
        profiles = find_profiles([person.id for person in found], viewer_id=request.user.pk)
        return Response(
            page(
                [person for person in found if person.id in profiles],
                window,
                position=lambda person: list(astuple(person)),
                card=lambda person: serialize_profile(profiles[person.id]),
            )
        )

    @documented(
        summary="Search posts",
        page_of=PostShape,
        errors=[InvalidQuery],
        parameters=[Q],
    )
    def posts(self, request: Request) -> Response:
        query = query_of(request)
        window = Window.of(request, "search-posts", q=query)
        ids = newest_first(querysets.find_posts(query, viewer_id=request.user.pk).values_list("pk", flat=True), window)
        return Response(post_page(ids, window, request.user.pk))

    @documented(summary="Search tags", page_of=FoundTag, errors=[InvalidQuery], parameters=[Q])
    def tags(self, request: Request) -> Response:
        query = query_of(request)
        window = Window.of(request, "search-tags", q=query)
        return Response(
            page(
                oldest_first(querysets.find_tags(query, viewer_id=request.user.pk), window, key="plain"),
                window,
                position=lambda row: [row["plain"]],
                card=lambda row: {"tag": row["plain"], "posts": row["posts"]},
            )
        )


def _position(window: Window) -> reads.FoundPerson | None:
    if window.after is None:
        return None
    rank, similarity, followers, user_id = window.after
    return reads.FoundPerson(int(rank), float(similarity), int(followers), UUID(user_id))
