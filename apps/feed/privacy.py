"""Erasure and export of a user's feed data."""

from uuid import UUID

from apps.core.privacy import Export
from apps.feed import live
from apps.feed.models import FeedSnapshot, FeedVisit, NewestPost


def erase(user_id: UUID) -> None:
    FeedVisit.objects.filter(user=user_id).delete()
    FeedSnapshot.objects.filter(user=user_id).delete()
    NewestPost.objects.filter(author=user_id).delete()
    live.erase(user_id)


def export(user_id: UUID) -> Export:
    """Not the snapshot: it holds ids of posts of other users."""
    for visit in FeedVisit.objects.filter(user=user_id):
        yield "feed", {"last_refreshed_at": visit.refreshed_at}
