"""The lists of the social graph, as querysets of ties with the person at the other end selected along."""

from typing import TypeVar
from uuid import UUID

from django.db import connection
from django.db.models import Q, QuerySet

from apps.accounts.models import User
from apps.social.blocks import between
from apps.social.models import Block, Follow, FollowRequest, Mute

T = TypeVar("T", Follow, FollowRequest, Block, Mute)


def followers_of(person_id: UUID, *, seen_by: UUID | None) -> QuerySet[Follow]:
    return _standing(Follow.objects.filter(followed=person_id), "follower", seen_by)


def followed_by(person_id: UUID, *, seen_by: UUID | None) -> QuerySet[Follow]:
    return _standing(Follow.objects.filter(follower=person_id), "followed", seen_by)


def requests_to(person_id: UUID) -> QuerySet[FollowRequest]:
    return _standing(FollowRequest.objects.filter(target=person_id), "requester", person_id)


def requests_by(person_id: UUID) -> QuerySet[FollowRequest]:
    return _standing(FollowRequest.objects.filter(requester=person_id), "target", person_id)


def blocked_by(person_id: UUID) -> QuerySet[Block]:
    return _with_person(Block.objects.filter(blocker=person_id), "blocked")


def muted_by(person_id: UUID) -> QuerySet[Mute]:
    return _standing(Mute.objects.filter(muter=person_id), "muted", person_id)


def _with_person(rows: QuerySet[T], person: str) -> QuerySet[T]:
    return rows.select_related(f"{person}__avatar").filter(**{f"{person}__state": User.State.ACTIVE})


def _standing(rows: QuerySet[T], person: str, viewer_id: UUID | None) -> QuerySet[T]:
    rows = _with_person(rows, person)
    return rows.filter(Q(**{person: viewer_id}) | ~between(f"{person}_id", viewer_id)) if viewer_id else rows


_SUGGESTIONS = """
WITH mine AS (
    SELECT followed_id FROM social_follow WHERE follower_id = %(viewer)s ORDER BY id DESC LIMIT 200
), candidates AS (
    SELECT theirs.followed_id AS id, count(*) AS ties
    FROM mine CROSS JOIN LATERAL (
        SELECT followed_id FROM social_follow WHERE follower_id = mine.followed_id ORDER BY id DESC LIMIT 100
    ) AS theirs
    GROUP BY theirs.followed_id
)
SELECT candidates.id, candidates.ties
FROM candidates JOIN accounts_user AS person USING (id)
WHERE person.state = 'active' AND person.id <> %(viewer)s
    AND NOT EXISTS (SELECT 1 FROM social_follow WHERE follower_id = %(viewer)s AND followed_id = person.id)
    AND NOT EXISTS (SELECT 1 FROM social_followrequest WHERE requester_id = %(viewer)s AND target_id = person.id)
    AND NOT EXISTS (SELECT 1 FROM social_mute WHERE muter_id = %(viewer)s AND muted_id = person.id)
    AND NOT EXISTS (SELECT 1 FROM social_block WHERE blocker_id = %(viewer)s AND blocked_id = person.id)
    AND NOT EXISTS (SELECT 1 FROM social_block WHERE blocker_id = person.id AND blocked_id = %(viewer)s)
    AND (%(ties)s::bigint IS NULL OR (candidates.ties, candidates.id) < (%(ties)s, %(id)s::uuid))
ORDER BY candidates.ties DESC, candidates.id DESC
LIMIT %(limit)s
"""


def suggestions(viewer_id: UUID, *, after: tuple[int, UUID] | None, limit: int) -> list[tuple[UUID, int]]:
    """(person, ties): those followed by those one follows, most ties first. Looks at the newest 200 people one follows
    and the newest 100 whom each of them follows, so that the cost is bounded."""
    ties, pk = after or (None, None)
    with connection.cursor() as cursor:
        cursor.execute(_SUGGESTIONS, {"viewer": viewer_id, "ties": ties, "id": pk, "limit": limit})
        return list(cursor.fetchall())
