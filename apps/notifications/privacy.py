"""Erasure and export of the user data in this app."""

from uuid import UUID

from apps.core.db.batches import BATCH, delete_in_batches
from apps.core.privacy import Export
from apps.notifications.models import Notification, NotificationEvent, Preference, PushSubscription


def erase(user_id: UUID) -> None:
    """Delete the notifications of the user, and the events that the user caused for others."""
    delete_in_batches(PushSubscription.objects.filter(user=user_id))
    delete_in_batches(Preference.objects.filter(user=user_id))
    delete_in_batches(Notification.objects.owned_by(user_id))
    events = NotificationEvent.objects.filter(actor=user_id)
    while notifications := list(events.order_by("pk").values_list("notification", flat=True)[:BATCH]):
        events.filter(notification__in=notifications).delete()
        Notification.objects.filter(pk__in=notifications, events=None).delete()


def export(user_id: UUID) -> Export:
    for row in Notification.objects.owned_by(user_id).order_by("id").iterator():
        yield (
            "notifications",
            {
                "type": row.type,
                "post": str(row.post_id) if row.post_id else None,
                "comment": str(row.comment_id) if row.comment_id else None,
                "statement": row.statement,
                "read_at": row.read_at,
                "created_at": row.created_at,
            },
        )
    for preference in Preference.objects.filter(user=user_id).order_by("type"):
        channels = {"in_app": preference.in_app, "push": preference.push, "email": preference.email}
        yield "notification_preferences", {"type": preference.type} | channels
    for subscription in PushSubscription.objects.filter(user=user_id).order_by("id"):
        yield "push_subscriptions", {"endpoint": subscription.endpoint, "created_at": subscription.created_at}
