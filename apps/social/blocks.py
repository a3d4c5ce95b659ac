"""The one block rule: a block hides two people from each other, whoever made it."""

from typing import Any, Self
from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet

from apps.social.models import Block

# For statements of our own: the people with a block, either way, between them and the viewer; nobody for no viewer.
BLOCKED = """blocked AS MATERIALIZED (
    SELECT blocked_id AS id FROM social_block WHERE blocker_id = %(viewer)s
    UNION
    SELECT blocker_id FROM social_block WHERE blocked_id = %(viewer)s
)"""
# How many they are: one row, counted once, for whatever is joined with it.
BLOCKS = "(SELECT count(*) AS number FROM blocked) AS blocks"
# Whether `person`, a row of accounts_user, may be shown to the viewer in what others write.
MENTIONABLE = "person.state = 'active' AND person.id NOT IN (SELECT id FROM blocked)"


def between(column: str, viewer_id: UUID) -> Exists:
    """SQL: is there a block, either way, between the viewer and the person in `column`?"""
    person = OuterRef(column)
    return Exists(Block.objects.filter(Q(blocker=viewer_id, blocked=person) | Q(blocker=person, blocked=viewer_id)))


def among_blocked(column: str, viewer_id: UUID) -> Q:
    """As `between`, for a statement that asks it of many rows which it reads in any case: all with a block between them
    and the viewer are gathered first, and no row is looked up. Where it would decide which rows are read, the planner
    may come to read all."""
    blocked = Block.objects.filter(blocker=viewer_id).values("blocked")
    blockers = Block.objects.filter(blocked=viewer_id).values("blocker")
    return Q(**{f"{column}__in": blocked}) | Q(**{f"{column}__in": blockers})


class HidesBlocked(QuerySet[Any]):
    """A queryset mixin for rows that belong to a person. `person` names the column."""

    person = "author_id"

    def without_blocked(self, viewer_id: UUID | None, *, person: str = "") -> Self:
        """Without rows of people with a block, either way, between them and the viewer."""
        if viewer_id is None:
            return self
        return self.exclude(between(person or self.person, viewer_id))
