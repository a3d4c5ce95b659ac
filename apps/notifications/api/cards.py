"""Notifications as the API shows them."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any
from uuid import UUID

from orjson import Fragment

from apps.accounts.api.cards import PEOPLE, PERSON, mini, person_of
from apps.core.api.renderers import dumps
from apps.core.db.statements import Row, Statement, aggregate, columns, select
from apps.core.times import moments_as_sent, sent_moment
from apps.media.urls import present_instant
from apps.notifications.models import Notification, PushSubscription
from apps.notifications.querysets import (
    ACTORS_CAP,
    ACTORS_SHOWN,
    CARD,
    comments_told_of,
    posts_told_of,
    visible_acts,
)
from apps.notifications.wording import preview

Card = dict[str, Any]
_TOLD = Statement(lambda viewer: Notification.objects.owned_by(viewer).in_the_list().for_cards(), "viewer")
_POSTS = Statement(lambda viewer: posts_told_of(viewer).values_list("pk", "caption"), "viewer")
_COMMENTS = Statement(lambda viewer: comments_told_of(viewer).values_list("pk", "text"), "viewer")
_ACTS = Statement(
    lambda viewer: visible_acts(viewer, gathered=True).values_list("pk", "notification_id", "actor_id"), "viewer"
)
# Ids come as text and moments as bytes, since Python makes, compares and hashes these sooner.
_IDS = {name: f"told.{name}::text" for name in ("id", "latest", "post_id", "comment_id")}
_MOMENTS = moments_as_sent("told", "read_at", "created_at", "updated_at")
_COLUMNS = columns("told", CARD, **_IDS, **_MOMENTS)
# `readable_by` in one pass: what it asks for, to see whether it is there, is also what is shown.
_CARDS = f"""
SELECT {_COLUMNS}, post.caption, comment.text, acts.number, who.actors
FROM ({{told}}) AS told ({", ".join(CARD)})
LEFT JOIN ({{posts}}) AS post (id, caption) ON post.id = told.post_id
LEFT JOIN ({{comments}}) AS comment (id, text) ON comment.id = told.comment_id
CROSS JOIN LATERAL (
    SELECT count(*) AS number, (array_agg(act.actor_id))[:{ACTORS_SHOWN}] AS shown
    FROM (
        SELECT act.actor_id FROM ({{acts}}) AS act (id, told_id, actor_id)
        WHERE act.told_id = told.id ORDER BY act.id DESC LIMIT {ACTORS_CAP}
    ) AS act
) AS acts
CROSS JOIN LATERAL (
    SELECT json_agg({PERSON} ORDER BY array_position(acts.shown, person.id))::text AS actors
    FROM {PEOPLE} WHERE person.id = ANY (acts.shown)
) AS who
WHERE (told.type = 'moderation' OR (
    acts.number > 0 AND (told.post_id IS NULL OR post.id IS NOT NULL)
    AND (told.comment_id IS NULL OR comment.id IS NOT NULL)
)) AND {{chosen}}
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
    parts = {"told": _TOLD, "posts": _POSTS, "comments": _COMMENTS, "acts": _ACTS}
    return _CARDS.format(chosen=chosen, **{name: part.sql for name, part in parts.items()})


def notification_cards(rows: Sequence[Row]) -> list[Fragment]:
    """As JSON."""
    at = present_instant()
    return [_card(row, at) for row in rows]


@lru_cache(maxsize=4096)
def _card(row: Row, at: int) -> Fragment:
    """As JSON, with URLs of the instant `at`. Remembered, since lists are read again and again; it is a function of all
    that it is made of. An entry takes some 2 KB."""
    # As `CARD` names them, what it is about, and who did it.
    pk, _, type_, post_id, comment_id, read_at, created_at, updated_at, statement, caption, text, number, actors = row
    card = {
        "id": pk,
        "type": type_,
        "actors": [mini(person_of(person)) for person in aggregate(actors)],
        "actor_count": number,
        "post_id": post_id,
        "comment_id": comment_id,
        "preview": preview(type_, statement, text, caption),
        "read_at": sent_moment(read_at),
        "created_at": sent_moment(created_at),
        "updated_at": sent_moment(updated_at),
    }
    return Fragment(dumps(card))


def subscription_card(subscription: PushSubscription) -> Card:
    return {"id": subscription.pk, "endpoint": subscription.endpoint, "created_at": subscription.created_at}
