"""The read side of the social graph."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from apps.core.db.statements import select


@dataclass(frozen=True)
class Relationship:
    """How the viewer stands to `user_id`."""

    user_id: UUID
    following: bool = False
    requested: bool = False
    followed_by: bool = False
    blocking: bool = False
    muting: bool = False

    def card(self) -> dict[str, Any]:
        return dict(vars(self))


# Of `person`, a row with an id, in the order of `Relationship`.
RELATIONSHIP = """person.id,
    EXISTS (SELECT 1 FROM social_follow WHERE follower_id = %(viewer)s AND followed_id = person.id),
    EXISTS (SELECT 1 FROM social_followrequest WHERE requester_id = %(viewer)s AND target_id = person.id),
    EXISTS (SELECT 1 FROM social_follow WHERE follower_id = person.id AND followed_id = %(viewer)s),
    EXISTS (SELECT 1 FROM social_block WHERE blocker_id = %(viewer)s AND blocked_id = person.id),
    EXISTS (SELECT 1 FROM social_mute WHERE muter_id = %(viewer)s AND muted_id = person.id)"""
_RELATIONSHIPS = f"SELECT {RELATIONSHIP} FROM unnest(%(people)s::uuid[]) AS person (id)"  # noqa: S608  (of constants)


def relationships(viewer_id: UUID | None, user_ids: Iterable[UUID]) -> dict[UUID, Relationship]:
    """The viewer's Relationship to each of `user_ids` but themself, in one statement; none for anonymous viewers."""
    people = [pk for pk in user_ids if pk != viewer_id]
    if viewer_id is None or not people:
        return {}
    return {row[0]: Relationship(*row) for row in select(_RELATIONSHIPS, viewer=viewer_id, people=people)}
