"""Notifications as the API shows them."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from apps.accounts.api.cards import mini
from apps.notifications.models import Act, Notification, PushSubscription
from apps.notifications.querysets import acts_shown
from apps.notifications.wording import preview

Card = dict[str, Any]


def notification_cards(rows: Sequence[Notification], viewer_id: UUID) -> list[Card]:
    """Of rows fetched with `shown_to` and their post and comment, in one more query however many they are."""
    acts: dict[UUID, list[Act]] = defaultdict(list)
    for act in acts_shown([row.pk for row in rows], viewer_id):
        acts[act.notification_id].append(act)
    return [_card(row, acts[row.pk]) for row in rows]


def _card(row: Notification, acts: list[Any]) -> Card:
    return {
        "id": row.pk,
        "type": row.type,
        "actors": [mini(act.actor) for act in acts],
        "actor_count": acts[0].of_all if acts else 0,
        "post_id": row.post_id,
        "comment_id": row.comment_id,
        "preview": preview(row),
        "read_at": row.read_at,
        "created_at": row.created_at,
        "updated_at": row.updated_at,
    }


def subscription_card(subscription: PushSubscription) -> Card:
    return {"id": subscription.pk, "endpoint": subscription.endpoint, "created_at": subscription.created_at}
