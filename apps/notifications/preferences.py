"""By which channels people want to be told of what."""

from dataclasses import asdict, dataclass
from uuid import UUID

from django.db import transaction

from apps.notifications.models import Preference, Type


@dataclass(frozen=True)
class Channels:
    in_app: bool = True
    push: bool = True
    email: bool = False


# A decision of the moderators is mailed by moderation itself, whatever is wished.
DEFAULTS = {str(type_): Channels() for type_ in Type}


def of(user_id: UUID) -> dict[str, Channels]:
    """{type: channels}, every type."""
    chosen = {
        row.type: Channels(in_app=row.in_app, push=row.push, email=row.email)
        for row in Preference.objects.filter(user=user_id)
    }
    return DEFAULTS | chosen


@transaction.atomic
def choose(user_id: UUID, wishes: dict[str, Channels]) -> None:
    """Only the types of `wishes` change. Decisions of the moderators are always in the list."""
    for type_, channels in sorted(wishes.items()):
        wished = asdict(channels) | ({"in_app": True} if type_ == Type.MODERATION else {})
        Preference.objects.update_or_create(user_id=user_id, type=type_, defaults=wished)
