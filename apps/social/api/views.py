"""Who follows, blocks and mutes whom."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts.api.cards import mini, user_card
from apps.accounts.api.schemas import Relationship
from apps.accounts.models import User
from apps.core.api.pagination import InvalidCursor, Window, newest_first, page
from apps.core.api.schema import documented
from apps.core.api.views import Endpoint
from apps.core.db.ids import parse_id
from apps.core.errors import Invalid
from apps.safety.newcomers import NewAccountLimitReached
from apps.social import lists, querysets, services
from apps.social.api import schemas
from apps.social.api.batches import TooManyIds, ids_of
from apps.social.api.cards import Ties, relationship_card, relationship_cards
from apps.social.api.people import find_blocked_person, look_inside, meet, named, visible_people

RELATIONSHIP = {200: Relationship}
FOLLOWERS = Ties(
    lambda viewer, person_id: lists.followers_of(person_id, seen_by=viewer), "person_id", person="follower"
)
FOLLOWED = Ties(lambda viewer, person_id: lists.followed_by(person_id, seen_by=viewer), "person_id", person="followed")
REQUESTERS = Ties(lambda viewer: lists.requests_to(viewer), person="requester")


class TieEndpoint(Endpoint):
    """The verbs between the caller and one other person; each answers with the Relationship that results."""

    def _answer(self, person: User) -> Response:
        return Response(relationship_card(self.caller_id, person.pk))

    @staticmethod
    def _answer_with(person_id: UUID, stood: querysets.Relationship | None, **now: bool) -> Response:
        """What was asked at the door, and what has become of it."""
        return Response((stood or querysets.Relationship(person_id)).card() | now)

    @documented(
        summary="Follow, or ask to follow a private account",
        responses=RELATIONSHIP,
        errors=[
            services.CannotFollowSelf,
            services.FollowerLimitReached,
            services.FollowingLimitReached,
            NewAccountLimitReached,
        ],
    )
    def follow(self, request: Request, user: str) -> Response:
        return Response(services.follow(named(request, user), by=self.caller_id).card())

    @documented(summary="Unfollow, or withdraw the request", responses=RELATIONSHIP, errors=[services.CannotTargetSelf])
    def unfollow(self, request: Request, user: str) -> Response:
        return Response(services.unfollow(named(request, user), by=self.caller_id).card())

    @documented(summary="End somebody's following", responses=RELATIONSHIP, errors=[services.CannotTargetSelf])
    def remove_follower(self, request: Request, user: str) -> Response:
        person, stood = meet(request, user)
        services.remove_follower(person.id, by=self.caller_id)
        return self._answer_with(person.id, stood, followed_by=False)

    @documented(
        summary="Block: neither sees the other any more", responses=RELATIONSHIP, errors=[services.CannotTargetSelf]
    )
    def block(self, request: Request, user: str) -> Response:
        person = find_blocked_person(request, user)
        services.block(person.pk, by=self.caller_id)
        return self._answer(person)

    @documented(summary="Unblock: restores sight, not follows", responses=RELATIONSHIP)
    def unblock(self, request: Request, user: str) -> Response:
        person = find_blocked_person(request, user)
        services.unblock(person.pk, by=self.caller_id)
        return self._answer(person)

    @documented(
        summary="Mute: out of feed and notifications", responses=RELATIONSHIP, errors=[services.CannotTargetSelf]
    )
    def mute(self, request: Request, user: str) -> Response:
        person, stood = meet(request, user)
        services.mute(person.id, by=self.caller_id)
        return self._answer_with(person.id, stood, muting=True)

    @documented(summary="Unmute", responses=RELATIONSHIP)
    def unmute(self, request: Request, user: str) -> Response:
        person, stood = meet(request, user)
        services.unmute(person.id, by=self.caller_id)
        return self._answer_with(person.id, stood, muting=False)

    @documented(summary="How one stands to somebody", responses=RELATIONSHIP)
    def retrieve(self, request: Request, user: str) -> Response:
        person, relationship = meet(request, user)
        return Response((relationship or querysets.Relationship(person.id)).card())

    @documented(
        summary="How one stands to several people; those that cannot be seen are left out",
        responses={200: schemas.Relationships},
        errors=[TooManyIds, Invalid],
        parameters=[OpenApiParameter("ids", str, required=True, description="Up to 100 ids, separated by commas.")],
    )
    def list(self, request: Request) -> Response:
        ids = ids_of(request, most=100)
        seen = set(visible_people(request).filter(pk__in=ids).values_list("pk", flat=True))
        cards = relationship_cards(request.user.pk, [pk for pk in ids if pk in seen])
        return Response({"results": list(cards.values()), "next_cursor": None})

    @documented(
        summary="Accept a follow request",
        responses=RELATIONSHIP,
        errors=[services.FollowerLimitReached, services.FollowingLimitReached],
    )
    def accept(self, request: Request, user: str) -> Response:
        person, stood = meet(request, user)
        services.accept_request(person.id, by=self.caller_id)
        return self._answer_with(person.id, stood, followed_by=True)

    @documented(summary="Reject a follow request; nobody is told", responses=RELATIONSHIP)
    def reject(self, request: Request, user: str) -> Response:
        person, stood = meet(request, user)
        services.reject_request(person.id, by=self.caller_id)
        return self._answer_with(person.id, stood)


class PeopleEndpoint(Endpoint):
    """The lists of the graph, newest first."""

    @documented(summary="Somebody's followers, newest first", page_of=schemas.Follower)
    def followers(self, request: Request, user: str) -> Response:
        person = look_inside(request, user)
        window = Window.of(request, "followers", person=person.id)
        return self._page(window, FOLLOWERS, "followed_at", person_id=person.id)

    @documented(summary="Whom somebody follows, newest first", page_of=schemas.Follower)
    def following(self, request: Request, user: str) -> Response:
        person = look_inside(request, user)
        window = Window.of(request, "following", person=person.id)
        return self._page(window, FOLLOWED, "followed_at", person_id=person.id)

    @documented(summary="Who asks to follow one", page_of=schemas.FollowRequest)
    def requests(self, request: Request) -> Response:
        window = Window.of(request, "follow-requests")
        return self._page(window, REQUESTERS, "requested_at")

    @documented(summary="Whom one blocks", page_of=schemas.Listed)
    def blocks(self, request: Request) -> Response:
        window = Window.of(request, "blocks")
        rows = newest_first(lists.blocked_by(self.caller_id), window)
        return self._own(window, rows, "blocked")

    @documented(summary="Whom one mutes", page_of=schemas.Listed)
    def mutes(self, request: Request) -> Response:
        window = Window.of(request, "mutes")
        rows = newest_first(lists.muted_by(self.caller_id), window)
        return self._own(window, rows, "muted")

    @documented(summary="Followed by those one follows, not yet by oneself", page_of=schemas.Suggestion)
    def suggestions(self, request: Request) -> Response:
        window = Window.of(request, "suggestions")
        found = lists.suggestions(self.caller_id, after=_suggestion_after(window), limit=window.limit + 1)
        people = User.objects.select_related("avatar").in_bulk([pk for pk, _ in found])
        viewers = relationship_cards(request.user.pk, people)
        return Response(
            page(
                [(pk, ties) for pk, ties in found if pk in people],
                window,
                position=lambda row: [row[1], row[0]],
                card=lambda row: user_card(people[row[0]], viewers.get(row[0])) | {"followed_by_count": row[1]},
            )
        )

    def _page(self, window: Window, ties: Ties, when: str, **ids: UUID) -> Response:
        viewer = self.caller_id
        rows = ties.rows(window, viewer=viewer, **ids)
        return Response(
            page(rows, window, position=lambda row: [row[0]], card=lambda row: ties.card(row, when, viewer))
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


def _suggestion_after(window: Window) -> tuple[int, UUID] | None:
    if window.after is None:
        return None
    ties, spelled = window.after
    pk = parse_id(str(spelled))
    if pk is None:
        raise InvalidCursor
    return int(ties), pk
