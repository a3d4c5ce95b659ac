"""People, posts and tags by text."""

from uuid import UUID

from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts.api.cards import user_card
from apps.accounts.api.schemas import User as UserShape
from apps.accounts.models import User
from apps.content.api.serializers import PostSerializer, post_page
from apps.core.api.pagination import InvalidCursor, Window, newest_first, oldest_first, page
from apps.core.api.schema import documented
from apps.core.api.views import Endpoint
from apps.core.db.ids import parse_id
from apps.search import people, posts, tags
from apps.search.api.queries import MAX_LENGTH, InvalidQuery, query_of
from apps.search.api.schemas import FoundTag
from apps.social.api.cards import relationship_cards

Q = OpenApiParameter("q", str, required=True, description=f"1 to {MAX_LENGTH} characters after trimming.")


class SearchEndpoint(Endpoint):
    open_to_all = frozenset({"users", "posts", "tags"})

    @documented(summary="People by handle and display name", page_of=UserShape, errors=[InvalidQuery], parameters=[Q])
    def users(self, request: Request) -> Response:
        query = query_of(request)
        window = Window.of(request, "search-users", q=query)
        found = people.found(query, viewer_id=request.user.pk, after=_position(window), limit=window.limit + 1)
        users = User.objects.standing().select_related("avatar").in_bulk([pk for *_, pk in found])
        viewers = relationship_cards(request.user.pk, users)
        return Response(
            page(
                [row for row in found if row[3] in users],
                window,
                position=lambda row: row,
                card=lambda row: user_card(users[row[3]], viewers.get(row[3])),
            )
        )

    @documented(
        summary="Posts by words of their captions and #tags, newest first",
        page_of=PostSerializer,
        errors=[InvalidQuery],
        parameters=[Q],
    )
    def posts(self, request: Request) -> Response:
        query = query_of(request)
        window = Window.of(request, "search-posts", q=query)
        ids = newest_first(posts.found(query, viewer_id=request.user.pk).values_list("pk", flat=True), window)
        return Response(post_page(ids, window, request.user.pk))

    @documented(
        summary="Tags by prefix, in alphabetical order", page_of=FoundTag, errors=[InvalidQuery], parameters=[Q]
    )
    def tags(self, request: Request) -> Response:
        query = query_of(request)
        window = Window.of(request, "search-tags", q=query)
        return Response(
            page(
                oldest_first(tags.found(query, viewer_id=request.user.pk), window, key="plain"),
                window,
                position=lambda row: [row["plain"]],
                card=lambda row: {"tag": row["plain"], "posts": row["posts"]},
            )
        )


def _position(window: Window) -> people.Position | None:
    if window.after is None:
        return None
    way, likeness, followers, spelled = window.after
    pk: UUID | None = parse_id(str(spelled))
    if pk is None:
        raise InvalidCursor
    return int(way), float(likeness), int(followers), pk
