"""How the caller stands to people."""

from collections.abc import Iterable
from dataclasses import asdict
from typing import Any
from uuid import UUID

from apps.social.querysets import Relationship, relationships


def relationship_cards(viewer_id: UUID | None, user_ids: Iterable[UUID]) -> dict[UUID, dict[str, Any]]:
    """{user id: card}, without the viewer themself; empty for anonymous viewers."""
    return {pk: asdict(relationship) for pk, relationship in relationships(viewer_id, user_ids).items()}


def relationship_card(viewer_id: UUID, user_id: UUID) -> dict[str, Any]:
    """The Relationship to one person; to oneself, an empty one."""
    return relationship_cards(viewer_id, [user_id]).get(user_id) or asdict(Relationship(user_id))
