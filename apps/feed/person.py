"""What this context holds on a person, to be erased or handed out."""

from uuid import UUID

from apps.core.contexts import Export
from apps.feed.models import FeedVisit


def erase(user_id: UUID) -> None:
    FeedVisit.objects.filter(user=user_id).delete()


def export(user_id: UUID) -> Export:
    for visit in FeedVisit.objects.filter(user=user_id):
        yield "feed", {"last_refreshed_at": visit.refreshed_at}
