"""The channels by which users want to be notified, for each type of notification."""

from dataclasses import asdict, dataclass
from uuid import UUID

from django.db import transaction

from apps.notifications.models import Preference, Type
from apps.notifications.querysets import WITH_STATEMENT


@dataclass(frozen=True)
class Channels:
    in_app: bool = True
    push: bool = True
    email: bool = False


# The statement of a moderation action is mailed by the moderation app, regardless of preferences.
DEFAULTS = {str(type_): Channels(email=type_ == Type.REPORT) for type_ in Type}


def get_channels(user_id: UUID) -> dict[str, Channels]:
    """{type: channels} for all types."""
    stored = {
        row.type: Channels(in_app=row.in_app, push=row.push, email=row.email)
        for row in Preference.objects.filter(user=user_id)
    }
    return DEFAULTS | stored


@transaction.atomic
def update(user_id: UUID, changes: dict[str, Channels]) -> None:
    """Change the preferences of the given types. Types with a statement cannot be removed from the list:
    a user has to find decisions of moderators and answers to reports."""
    for type_, channels in sorted(changes.items()):
        values = asdict(channels) | ({"in_app": True} if type_ in WITH_STATEMENT else {})
        Preference.objects.update_or_create(user_id=user_id, type=type_, defaults=values)
