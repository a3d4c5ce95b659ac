"""Relationships, follow requests and the lists of the social graph."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts.api.cards import mini
from apps.accounts.api.schemas import Relationship
from apps.core.api.pagination import InvalidCursor, Window, newest_first, page
from apps.core.api.schema import documented
from apps.core.api.views import Endpoint
from apps.core.db.ids import parse_id
from apps.core.errors import Invalid
from apps.safety.newcomers import NewAccountLimitReached
from apps.social import querysets, reads, services
from apps.social.api import schemas
from apps.social.api.batches import TooManyIds, ids_of
from apps.social.api.cards import serialize_listed_user, serialize_profile, serialize_relationship
from apps.social.api.profiles import get_profile_content_or_404, get_profile_or_404, resolve_identifier

RELATIONSHIP = {200: Relationship}
FOLLOWERS = reads.RelationshipList(
    lambda viewer, person: querysets.followers_of(person, viewer_id=viewer), user="follower"
)
FOLLOWING = reads.RelationshipList(
    lambda viewer, person: querysets.followed_by(person, viewer_id=viewer), user="followed"
)
REQUESTS = reads.RelationshipList(lambda viewer: querysets.requests_to(viewer), user="requester")


class TieEndpoint(Endpoint):
    """Actions between the caller and another account; each returns the relationship that results."""

    def _act(self, service: Any, request: Request, user: str) -> Response:
        relationship = service(resolve_identifier(request, user), by=self.caller_id)
        return Response(serialize_relationship(relationship))

    @documented(
        summary="Follow a user, or request to follow a private account",
        responses=RELATIONSHIP,
        errors=[
            services.CannotFollowSelf,
            services.FollowerLimitReached,
            services.FollowingLimitReached,
            NewAccountLimitReached,
        ],
    )
    def follow(self, request: Request, user: str) -> Response:
        return self._act(services.follow, request, user)

    @documented(
        summary="Unfollow a user, or withdraw the follow request",
        responses=RELATIONSHIP,
        errors=[services.CannotTargetSelf],
    )
    def unfollow(self, request: Request, user: str) -> Response:
        return self._act(services.unfollow, request, user)

    @documented(summary="Remove a follower", responses=RELATIONSHIP, errors=[services.CannotTargetSelf])
    def remove_follower(self, request: Request, user: str) -> Response:
        return self._act(services.remove_follower, request, user)

    @documented(summary="Block user", responses=RELATIONSHIP, errors=[services.CannotTargetSelf])
    def block(self, request: Request, user: str) -> Response:
        return self._act(services.block, request, user)

    @documented(summary="Unblock user", responses=RELATIONSHIP)
    def unblock(self, request: Request, user: str) -> Response:
        return self._act(services.unblock, request, user)

    @documented(summary="Mute user", responses=RELATIONSHIP, errors=[services.CannotTargetSelf])
    def mute(self, request: Request, user: str) -> Response:
        return self._act(services.mute, request, user)

    @documented(summary="Unmute user", responses=RELATIONSHIP)
    def unmute(self, request: Request, user: str) -> Response:
        return self._act(services.unmute, request, user)

    @documented(summary="Get relationship", responses=RELATIONSHIP)
    def retrieve(self, request: Request, user: str) -> Response:
        profile = get_profile_or_404(request, user)
        return Response(serialize_relationship(profile.relationship or reads.Relationship(profile.id)))

    @documented(
        summary="List relationships",
        responses={200: schemas.Relationships},
        errors=[TooManyIds, Invalid],
        parameters=[OpenApiParameter("ids", str, required=True, description="Up to 100 ids, separated by commas.")],
    )
    def list(self, request: Request) -> Response:
        profiles = reads.find_profiles(ids_of(request, most=100), viewer_id=self.caller_id)
        related = [profile.relationship for profile in profiles.values() if profile.relationship]
        return Response({"results": [serialize_relationship(each) for each in related], "next_cursor": None})

    @documented(
        summary="Accept a follow request",
        responses=RELATIONSHIP,
        errors=[services.FollowerLimitReached, services.FollowingLimitReached],
    )
    def accept(self, request: Request, user: str) -> Response:
        return self._act(services.accept_request, request, user)

    @documented(summary="Reject a follow request", responses=RELATIONSHIP)
    def reject(self, request: Request, user: str) -> Response:
        return self._act(services.reject_request, request, user)


class PeopleEndpoint(Endpoint):
    """The lists of the social graph, newest first."""

    @documented(summary="List followers", page_of=schemas.Follower)
    def followers(self, request: Request, user: str) -> Response:
        profile = get_profile_content_or_404(request, user)
        window = Window.of(request, "followers", person=profile.id)
        return self._page(window, FOLLOWERS, "followed_at", person=profile.id)

    @documented(summary="List followed users", page_of=schemas.Follower)
    def following(self, request: Request, user: str) -> Response:
        profile = get_profile_content_or_404(request, user)
        window = Window.of(request, "following", person=profile.id)
        return self._page(window, FOLLOWING, "followed_at", person=profile.id)

    @documented(summary="List follow requests", page_of=schemas.FollowRequest)
    def requests(self, request: Request) -> Response:
        return self._page(Window.of(request, "follow-requests"), REQUESTS, "requested_at")

    @documented(summary="List blocked users", page_of=schemas.Listed)
    def blocks(self, request: Request) -> Response:
        window = Window.of(request, "blocks")
        rows = newest_first(querysets.blocked_by(self.caller_id), window)
        return self._own(window, rows, "blocked")

    @documented(summary="List muted users", page_of=schemas.Listed)
    def mutes(self, request: Request) -> Response:
        window = Window.of(request, "mutes")
        rows = newest_first(querysets.muted_by(self.caller_id), window)
        return self._own(window, rows, "muted")

    @documented(summary="List suggested users", page_of=schemas.Suggestion)
    def suggestions(self, request: Request) -> Response:
        window = Window.of(request, "suggestions")
        found = reads.suggestions(self.caller_id, after=_suggestion_after(window), limit=window.limit + 1)
        profiles = reads.find_profiles([row.user_id for row in found], viewer_id=self.caller_id)
        return Response(
            page(
                [row for row in found if row.user_id in profiles],
                window,
                position=lambda row: [row.followed_by_count, row.user_id],
                card=lambda row: (
                    serialize_profile(profiles[row.user_id]) | {"followed_by_count": row.followed_by_count}
                ),
            )
        )

    def _page(self, window: Window, rows: reads.RelationshipList, when: str, **ids: UUID) -> Response:
        listed = rows.page(viewer=self.caller_id, after=_after(window), limit=window.limit + 1, **ids)
        return Response(
            page(listed, window, position=lambda row: [row.id], card=lambda row: serialize_listed_user(row, when))
        )

    @staticmethod
    def _own(window: Window, rows: Sequence[Any], end: str) -> Response:
        return Response(
            page(
                rows,
                window,
                position=lambda row: [row.pk],
                card=lambda row: {"user": mini(getattr(row, end)), "since": row.created_at},
            )
        )


def _after(window: Window) -> UUID | None:
    return UUID(window.after[0]) if window.after else None


def _suggestion_after(window: Window) -> tuple[int, UUID] | None:
    if window.after is None:
        return None
    ties, spelled = window.after
    pk = parse_id(str(spelled))
    if pk is None:
        raise InvalidCursor
    return int(ties), pk
