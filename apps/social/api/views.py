"""Relationships, follow requests and the lists of the social graph."""

from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts.api.authentication import is_moderator
from apps.accounts.api.serializers import RelationshipSerializer
from apps.accounts.services import EmailNotConfirmed
from apps.core.api.schema import documented
from apps.core.api.views import BaseViewSet
from apps.safety.newcomers import NewAccountLimitReached
from apps.social import reads, services, visibility
from apps.social.api import serializers
from apps.social.api.batches import TooManyIds, parse_ids
from apps.social.api.profiles import get_profile_content_or_404, get_profile_or_404, resolve_identifier
from apps.social.api.serializers import serialize_profile, serialize_relationship

RELATIONSHIP = {200: RelationshipSerializer}
FOLLOWERS = reads.RelationshipList(
    lambda viewer, person: visibility.followers_of(person, viewer_id=viewer), user="follower"
)
FOLLOWING = reads.RelationshipList(
    lambda viewer, person: visibility.followed_by(person, viewer_id=viewer), user="followed"
)
REQUESTS = reads.RelationshipList(lambda viewer: visibility.requests_to(viewer), user="requester")


class RelationshipBaseViewSet(BaseViewSet):
    """Actions between the caller and another account. Each returns the relationship that results.

    `{user}` in a path is an id, `@handle` or `me`.
    """

    lookup_url_kwarg = "user"
    lookup_value_converter = "str"

    def perform(self, service: Callable[..., reads.Relationship], identifier: str) -> Response:
        relationship = service(resolve_identifier(self.request, identifier), by=self.caller_id)
        return Response(serialize_relationship(relationship))

    def paginate_users(self, rows: reads.RelationshipList, **ids: UUID) -> Response:
        return self.paginate(
            lambda after, limit: rows.page(viewer=self.caller_id, after=after, limit=limit, **ids),
            position=lambda row: row.id,
            scope=ids,
        )


@extend_schema(tags=["Relationships"])
class RelationshipViewSet(RelationshipBaseViewSet):
    etag_actions = frozenset({"relationship"})

    @documented(operation_id="getRelationship", summary="Get a relationship", responses=RELATIONSHIP)
    @action(detail=True)
    def relationship(self, request: Request, user: str) -> Response:
        profile = get_profile_or_404(request, user, for_review=True)
        return Response(serialize_relationship(profile.relationship or reads.Relationship(profile.id)))

    @documented(
        operation_id="followUser",
        summary="Follow a user",
        description="Follows a public account, or requests to follow a private one.",
        responses=RELATIONSHIP,
        errors=[
            services.CannotFollowSelf,
            services.FollowerLimitReached,
            services.FollowingLimitReached,
            NewAccountLimitReached,
            EmailNotConfirmed,
        ],
    )
    @action(detail=True, methods=["post"])
    def follow(self, request: Request, user: str) -> Response:
        return self.perform(services.follow, user)

    @documented(
        operation_id="unfollowUser",
        summary="Unfollow a user",
        description="Withdraws a follow request, too.",
        responses=RELATIONSHIP,
        errors=[services.CannotTargetSelf],
    )
    @action(detail=True, methods=["post"])
    def unfollow(self, request: Request, user: str) -> Response:
        return self.perform(services.unfollow, user)

    @documented(
        operation_id="removeFollower",
        summary="Remove a follower",
        responses=RELATIONSHIP,
        errors=[services.CannotTargetSelf],
    )
    @action(detail=True, methods=["post"], url_path="remove-follower")
    def remove_follower(self, request: Request, user: str) -> Response:
        return self.perform(services.remove_follower, user)

    @documented(
        operation_id="blockUser",
        summary="Block a user",
        description="Hides both accounts from each other and ends follows and requests both ways.",
        responses=RELATIONSHIP,
        errors=[services.CannotTargetSelf],
    )
    @action(detail=True, methods=["post"])
    def block(self, request: Request, user: str) -> Response:
        return self.perform(services.block, user)

    @documented(
        operation_id="unblockUser",
        summary="Unblock a user",
        description="Follows are not restored.",
        responses=RELATIONSHIP,
    )
    @action(detail=True, methods=["post"])
    def unblock(self, request: Request, user: str) -> Response:
        return self.perform(services.unblock, user)

    @documented(
        operation_id="muteUser",
        summary="Mute a user",
        description="Hides the account from the feed and the notifications of the caller.",
        responses=RELATIONSHIP,
        errors=[services.CannotTargetSelf],
    )
    @action(detail=True, methods=["post"])
    def mute(self, request: Request, user: str) -> Response:
        return self.perform(services.mute, user)

    @documented(operation_id="unmuteUser", summary="Unmute a user", responses=RELATIONSHIP)
    @action(detail=True, methods=["post"])
    def unmute(self, request: Request, user: str) -> Response:
        return self.perform(services.unmute, user)

    # ── Lists ────────────────────────────────────────────────────────────────────────────────────────────
    @documented(operation_id="listFollowers", summary="List followers", page_of=serializers.FollowerSerializer)
    @action(detail=True, serializer_class=serializers.FollowerSerializer)
    def followers(self, request: Request, user: str) -> Response:
        return self.paginate_users(FOLLOWERS, person=get_profile_content_or_404(request, user).id)

    @documented(operation_id="listFollowing", summary="List followed users", page_of=serializers.FollowerSerializer)
    @action(detail=True, serializer_class=serializers.FollowerSerializer)
    def following(self, request: Request, user: str) -> Response:
        return self.paginate_users(FOLLOWING, person=get_profile_content_or_404(request, user).id)

    @documented(
        operation_id="listBlockedUsers", summary="List blocked users", page_of=serializers.BlockedUserSerializer
    )
    @action(detail=False, url_path="me/blocks", serializer_class=serializers.BlockedUserSerializer)
    def blocks(self, request: Request) -> Response:
        page = self.paginate_queryset(visibility.blocked_by(self.caller_id))
        return self.get_paginated_response(self.get_serializer(page, many=True).data)

    @documented(operation_id="listMutedUsers", summary="List muted users", page_of=serializers.MutedUserSerializer)
    @action(detail=False, url_path="me/mutes", serializer_class=serializers.MutedUserSerializer)
    def mutes(self, request: Request) -> Response:
        page = self.paginate_queryset(visibility.muted_by(self.caller_id))
        return self.get_paginated_response(self.get_serializer(page, many=True).data)

    @documented(
        operation_id="listSuggestedUsers",
        summary="List suggested users",
        description="Accounts followed by accounts that the caller follows.",
        page_of=serializers.SuggestionSerializer,
    )
    @action(detail=False)
    def suggestions(self, request: Request) -> Response:
        return self.paginate(
            lambda after, limit: reads.suggestions(self.caller_id, after=after, limit=limit),
            position=lambda row: (row.followed_by_count, row.user_id),
            serialize=self._serialize_suggestions,
        )

    def _serialize_suggestions(self, rows: Sequence[reads.Suggestion]) -> list[dict[str, Any]]:
        profiles = reads.find_profiles([row.user_id for row in rows], viewer_id=self.caller_id)
        return [
            serialize_profile(profiles[row.user_id]) | {"followed_by_count": row.followed_by_count}
            for row in rows
            if row.user_id in profiles
        ]


@extend_schema(tags=["Relationships"])
class RelationshipListViewSet(BaseViewSet):
    @documented(
        operation_id="listRelationships",
        summary="List relationships by user id",
        description="Accounts that the caller cannot see are left out.",
        responses={200: serializers.RelationshipsSerializer},
        errors=[TooManyIds],
        parameters=[OpenApiParameter("ids", str, required=True, description="Up to 100 ids, separated by commas.")],
    )
    def list(self, request: Request) -> Response:
        ids = parse_ids(request, most=100)
        profiles = reads.find_profiles(ids, viewer_id=self.caller_id, is_moderator=is_moderator(request))
        relationships = [profile.relationship for profile in profiles.values() if profile.relationship]
        return Response({"results": [serialize_relationship(each) for each in relationships], "next_cursor": None})


@extend_schema(tags=["Relationships"])
class FollowRequestViewSet(RelationshipBaseViewSet):
    serializer_class = serializers.FollowRequestSerializer

    @documented(
        operation_id="listFollowRequests", summary="List follow requests", page_of=serializers.FollowRequestSerializer
    )
    def list(self, request: Request) -> Response:
        return self.paginate_users(REQUESTS)

    @documented(
        operation_id="acceptFollowRequest",
        summary="Accept a follow request",
        responses=RELATIONSHIP,
        errors=[services.FollowerLimitReached, services.FollowingLimitReached],
    )
    @action(detail=True, methods=["post"])
    def accept(self, request: Request, user: str) -> Response:
        return self.perform(services.accept_request, user)

    @documented(
        operation_id="rejectFollowRequest",
        summary="Reject a follow request",
        description="The requester is not notified.",
        responses=RELATIONSHIP,
    )
    @action(detail=True, methods=["post"])
    def reject(self, request: Request, user: str) -> Response:
        return self.perform(services.reject_request, user)
