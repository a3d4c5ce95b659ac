"""Flags, actions and appeals as the API shows them."""

from datetime import datetime
from typing import Any

from apps.accounts.api.serializers import serialize_user_summary
from apps.moderation.models import Appeal, Flag, ModerationAction

Card = dict[str, Any]


def flag_card(flag: Flag) -> Card:
    """Not who reported it: what is decided is the thing, not the person."""
    return {
        "id": flag.pk,
        "target_type": flag.target_type,
        "target_id": flag.target_id,
        "category": flag.category,
        "note": flag.note,
        "status": flag.status,
        "created_at": flag.created_at,
    }


def action_card(action: ModerationAction) -> Card:
    """Of an action fetched with `for_cards()`."""
    return _action_card(action, action.reversed_at)


def _action_card(action: ModerationAction, reversed_at: datetime | None) -> Card:
    return {
        "id": action.pk,
        "actor": serialize_user_summary(action.actor) if action.actor else None,
        "action": action.action,
        "target_type": action.target_type,
        "target_id": action.target_id,
        "reason": action.reason,
        "category": action.category,
        "created_at": action.created_at,
        "reversed_at": reversed_at,
    }


def appeal_card(appeal: Appeal) -> Card:
    """For the appellant: not who decided."""
    return {
        "id": appeal.pk,
        "action_id": appeal.action_id,
        "text": appeal.text,
        "status": appeal.status,
        "note": appeal.note,
        "created_at": appeal.created_at,
        "decided_at": appeal.decided_at,
    }


def case_card(appeal: Appeal) -> Card:
    """For moderators; of an appeal fetched with `for_cards()`."""
    return appeal_card(appeal) | {
        "appellant": serialize_user_summary(appeal.appellant),
        "action": _action_card(appeal.action, appeal.action_reversed_at),
        "decided_by": serialize_user_summary(appeal.decided_by) if appeal.decided_by else None,
    }
