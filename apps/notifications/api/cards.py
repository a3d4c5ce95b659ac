"""Notifications as the API shows them."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any
from uuid import UUID

import orjson
from orjson import Fragment

from apps.accounts.api.cards import PERSON, Person, mini
from apps.core.statements import Row, Statement, aggregate, select
from apps.media.urls import present_instant
from apps.notifications.models import Notification, PushSubscription
from apps.notifications.querysets import ACTORS, ACTORS_CAP, ACTORS_SHOWN, CARD, actors_shown
from apps.notifications.wording import preview

Card = dict[str, Any]
_ABOUT = Statement(
    lambda viewer: Notification.objects.owned_by(viewer).about_what_stands(viewer).in_the_list().for_cards(), "viewer"
)
_ACTORS = Statement(lambda viewer: actors_shown(viewer), "viewer")
# Who did it is asked once, for what is shown of them and for whether anything is: the other part of `readable_by`.
_CARDS = f"""
SELECT told.*, coalesce(who.number, 0), who.actors
FROM ({{about}}) AS told ({", ".join(CARD)})
CROSS JOIN LATERAL (
    SELECT max(number) AS number, json_agg(json_build_array({PERSON}) ORDER BY act_id DESC)::text AS actors
    FROM (
        SELECT *, count(*) OVER () AS number
        FROM (
            SELECT * FROM ({{actors}}) AS act ({", ".join(ACTORS)})
            WHERE told_id = told.id ORDER BY act_id DESC LIMIT {ACTORS_CAP}
        ) AS act
        ORDER BY act_id DESC LIMIT {ACTORS_SHOWN}
    ) AS act
    JOIN accounts_user AS person ON person.id = act.actor_id
    LEFT JOIN media_media AS avatar ON avatar.id = person.avatar_id
) AS who
WHERE (told.type = 'moderation' OR who.number > 0) AND {{chosen}}
ORDER BY told.latest DESC LIMIT %(limit)s
"""  # noqa: S608  (of constants)


def notification_rows(
    viewer_id: UUID,
    *,
    one: UUID | None = None,
    unread: bool = False,
    type_: str | None = None,
    after: Any = None,
    limit: int = 1,
) -> list[Row]:
    """What the viewer is shown, latest first, in one statement: `one`, or a part of the list. For `notification_cards`;
    the second column is the place in the list."""
    wanted = {
        "told.id = %(one)s": one,
        "told.latest < %(after)s": after,
        "told.read_at IS NULL": unread,
        "told.type = %(type)s": type_,
    }
    # Only what is asked for: a plan that is kept could not use an index for a condition that may be none.
    chosen = " AND ".join(["true", *(condition for condition, asked in wanted.items() if asked)])
    return select(_cards_sql(chosen), viewer=viewer_id, one=one, type=type_, after=after, limit=limit)


@lru_cache
def _cards_sql(chosen: str) -> str:
    return _CARDS.format(actors=_ACTORS.sql, about=_ABOUT.sql, chosen=chosen)


def notification_cards(rows: Sequence[Row]) -> list[Card]:
    at = present_instant()
    return [_card(row, at) for row in rows]


def _card(row: Row, at: int) -> Card:
    """`at`: the instant of its URLs."""
    # As `CARD` names them, and who did it.
    pk, _, type_, post_id, comment_id, read_at, created_at, updated_at, statement, caption, text, number, actors = row
    return {
        "id": pk,
        "type": type_,
        "actors": _minis(actors, at),
        "actor_count": number,
        "post_id": post_id,
        "comment_id": comment_id,
        "preview": preview(type_, statement, text, caption),
        "read_at": read_at,
        "created_at": created_at,
        "updated_at": updated_at,
    }


@lru_cache(maxsize=8192)
def _minis(people: str | None, at: int) -> Fragment:
    """What has been gathered as `json_agg(json_build_array(PERSON))::text`, as JSON with URLs of the instant `at`.
    Remembered, since lists are read again and again; it is a function of all that it is made of."""
    return Fragment(orjson.dumps([mini(Person(*person)) for person in aggregate(people)]))


def subscription_card(subscription: PushSubscription) -> Card:
    return {"id": subscription.pk, "endpoint": subscription.endpoint, "created_at": subscription.created_at}
