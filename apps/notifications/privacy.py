"""What this context holds on a person, to be erased or handed out."""

from uuid import UUID

from apps.core.db.batches import BATCH, delete_in_batches
from apps.core.privacy import Export
from apps.notifications.models import Act, Notification, Preference, PushSubscription


def erase(user_id: UUID) -> None:
    """What they were told, and that others were told of them."""
    delete_in_batches(PushSubscription.objects.filter(user=user_id))
    delete_in_batches(Preference.objects.filter(user=user_id))
    delete_in_batches(Notification.objects.owned_by(user_id))
    acts = Act.objects.filter(actor=user_id)
    while emptied := list(acts.order_by("pk").values_list("notification", flat=True)[:BATCH]):
        acts.filter(notification__in=emptied).delete()
        Notification.objects.filter(pk__in=emptied, acts=None).delete()


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
    for chosen in Preference.objects.filter(user=user_id).order_by("type"):
        wishes = {"in_app": chosen.in_app, "push": chosen.push, "email": chosen.email}
        yield "notification_preferences", {"type": chosen.type} | wishes
    for subscription in PushSubscription.objects.filter(user=user_id).order_by("id"):
        yield "push_subscriptions", {"endpoint": subscription.endpoint, "created_at": subscription.created_at}
