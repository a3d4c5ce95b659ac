"""Write operations of notifications and push subscriptions."""

from uuid import UUID

from django.db import transaction
from django.utils import timezone

from apps.core.errors import Conflict, Invalid, NotFound
from apps.notifications.models import Notification, PushSubscription
from apps.notifications.push import ForbiddenEndpoint, public_address_of

MAX_SUBSCRIPTIONS = 20


class TooManySubscriptions(Conflict):
    code, title = "too_many_subscriptions", f"At most {MAX_SUBSCRIPTIONS} devices take push messages."


@transaction.atomic
def read(notification: Notification) -> None:
    """Mark a notification as read. Idempotent: the first time counts."""
    Notification.objects.unread().filter(pk=notification.pk).update(read_at=timezone.now())


@transaction.atomic
def read_all(user_id: UUID, *, up_to: UUID | None = None) -> None:
    """Mark all notifications as read, or `up_to` and those that come after it in the list. Raises NotFound."""
    unread = Notification.objects.owned_by(user_id).unread()
    if up_to is not None:
        first = Notification.objects.listed_for(user_id).filter(pk=up_to).first()
        if first is None:
            raise NotFound
        unread = unread.filter(latest__lte=first.latest)
    unread.update(read_at=timezone.now())


@transaction.atomic
def subscribe(user_id: UUID, *, endpoint: str, p256dh: str, auth: str) -> tuple[PushSubscription, bool]:
    """Subscribe a browser to push messages. An endpoint has one subscription, which belongs to its last owner.

    Returns the subscription and whether it is new.

    Raises Invalid for an endpoint that is not https or not public, TooManySubscriptions.
    """
    try:
        public_address_of(endpoint)
    except (ForbiddenEndpoint, OSError, ValueError) as error:
        raise Invalid(endpoint=("invalid_endpoint", "An https address of a public push service.")) from error
    others = PushSubscription.objects.owned_by(user_id).exclude(endpoint=endpoint)
    if others.count() >= MAX_SUBSCRIPTIONS:
        raise TooManySubscriptions
    return PushSubscription.objects.update_or_create(
        endpoint=endpoint, defaults={"user_id": user_id, "p256dh": p256dh, "auth": auth}
    )


@transaction.atomic
def unsubscribe(subscription: PushSubscription) -> None:
    subscription.delete()
