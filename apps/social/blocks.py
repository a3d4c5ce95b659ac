"""Querysets without the people whom a block hides from the viewer. The rule itself is the view `social_hidden`."""

from typing import Any, Self
from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet

from apps.social.models import Hidden

# For statements of our own: the people who are hidden from the viewer; nobody for no viewer.
BLOCKED = """blocked AS MATERIALIZED (
    SELECT DISTINCT person_id AS id FROM social_hidden WHERE viewer_id = %(viewer)s
)"""
# How many they are: one row, counted once, for whatever is joined with it.
BLOCKS = "(SELECT count(*) AS number FROM blocked) AS blocks"
# Whether `person`, a row of accounts_user, may be shown to the viewer in what others write.
MENTIONABLE = "person.state = 'active' AND person.id NOT IN (SELECT id FROM blocked)"


def between(column: str, viewer_id: UUID) -> Exists:
    """SQL: is the person in `column` hidden from the viewer by a block?"""
    return Exists(Hidden.objects.filter(viewer=viewer_id, person=OuterRef(column)))


def among_blocked(column: str, viewer_id: UUID) -> Q:
    """As `between`, for a statement that asks it of many rows which it reads in any case: all who are hidden from the
    viewer are gathered first, and no row is looked up. Where it would decide which rows are read, the planner may come
    to read all."""
    return Q(**{f"{column}__in": Hidden.objects.filter(viewer=viewer_id).values("person")})


class HidesBlocked(QuerySet[Any]):
    """A queryset mixin for rows that belong to a person. `person` names the column."""

    person = "author_id"

    def without_blocked(self, viewer_id: UUID | None, *, person: str = "") -> Self:
        """Without rows of people with a block, either way, between them and the viewer."""
        if viewer_id is None:
            return self
        return self.exclude(between(person or self.person, viewer_id))
