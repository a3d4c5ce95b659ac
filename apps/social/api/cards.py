"""How the caller stands to people, and lists of people with it."""

from collections.abc import Callable, Iterable
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from apps.accounts.api.cards import PERSON_COLUMNS, Person, mini_json
from apps.accounts.querysets import mini_columns
from apps.core.api.pagination import Window, rows_of, window_sql
from apps.core.db.statements import Row, Statement, select
from apps.media.urls import present_instant
from apps.social.querysets import RELATIONSHIP, Relationship, relationships


def relationship_cards(viewer_id: UUID | None, user_ids: Iterable[UUID]) -> dict[UUID, dict[str, Any]]:
    """{user id: card}, without the viewer themself; empty for anonymous viewers."""
    return {pk: relationship.card() for pk, relationship in relationships(viewer_id, user_ids).items()}


def relationship_card(viewer_id: UUID, user_id: UUID) -> dict[str, Any]:
    """The Relationship to one person; to oneself, an empty one."""
    return relationship_cards(viewer_id, [user_id]).get(user_id) or Relationship(user_id).card()


class Ties:
    """A list of acts with people at their other end, newest first, and how the viewer stands to each: one statement.

    `compose` makes the queryset of the acts, of the ids that are named; `person` is the column of the other end.
    """

    def __init__(self, compose: Callable[..., QuerySet[Any, Any]], *names: str, person: str) -> None:
        columns = ["pk", "created_at", *mini_columns(person).values()]
        self._acts = Statement(lambda **ids: compose(**ids).values_list(*columns), "viewer", *names)

    def rows(self, window: Window, *, viewer: UUID, **ids: UUID) -> list[Row]:
        listed = window_sql(self._acts.sql, f"act_id, created_at, {PERSON_COLUMNS}")
        sql = (
            f"SELECT listed.*, {RELATIONSHIP} FROM ({listed}) AS listed "  # noqa: S608  (of constants)
            "CROSS JOIN LATERAL (SELECT listed.person_id AS id) AS person ORDER BY act_id DESC"
        )
        return select(sql, viewer=viewer, **ids, **rows_of(window))

    @staticmethod
    def card(row: Row, when: str, viewer: UUID) -> dict[str, Any]:
        """{user, viewer, when}."""
        _, moment, *columns = row
        width = len(Person._fields)
        person = Person(*columns[:width])
        stands = Relationship(*columns[width:]).card() if person.id != viewer else None
        return {"user": mini_json(person, present_instant()), "viewer": stands, when: moment}
