"""Search for people. The ranking is in `sql/people.sql`.

Each way of finding people reads a bounded number of rows of an index of its own, so that a search costs the same
however many accounts there are.
"""

from dataclasses import dataclass
from uuid import UUID

from django.db.models import QuerySet

from apps.accounts.models import User
from apps.core.db.compiled import CompiledQuery
from apps.core.db.queries import fetch, load
from apps.social.visibility import visible_among_many

# From 0 to 1. A transposition in a word of five letters leaves a third of its trigrams.
LEAST_SIMILARITY = 0.3


@dataclass(frozen=True)
class FoundPerson:
    """The fields in order are the position of the row in the list."""

    rank: int
    similarity: float
    follower_count: int
    id: UUID


def _searched(users: QuerySet[User]) -> QuerySet[User, tuple[UUID, str, str, int]]:
    return users.values_list("id", "handle", "display_name", "follower_count")


VISIBLE = CompiledQuery(lambda viewer: _searched(visible_among_many(viewer).in_reach()))
ALL = CompiledQuery(lambda: _searched(User.objects.all()))


# The values of a `FoundPerson`; the id may be text.
Position = tuple[int, float, int, UUID | str]


def find_people(query: str, *, viewer_id: UUID | None, after: Position | None, limit: int) -> list[FoundPerson]:
    """People in reach whom the viewer may see, the best matches first, among equals those with more followers.

    `after`: the position of the last person of the page before.
    """
    return _find(VISIBLE.sql(viewer=viewer_id), query, viewer=viewer_id, after=after, limit=limit)


def find_people_in_any_state(query: str, *, limit: int) -> list[FoundPerson]:
    """As `find_people`, for moderators: also inactive accounts."""
    return _find(ALL.sql(), query, viewer=None, after=None, limit=limit)


def _find(visible: str, query: str, *, viewer: UUID | None, after: Position | None, limit: int) -> list[FoundPerson]:
    rank, similarity, followers, user_id = after or (None, None, None, None)
    return fetch(
        FoundPerson,
        load("search/people", visible=visible),
        query=query.removeprefix("@"),
        viewer=viewer,
        rank=rank,
        similarity=similarity,
        followers=followers,
        id=user_id,
        least_similarity=LEAST_SIMILARITY,
        limit=limit,
    )
