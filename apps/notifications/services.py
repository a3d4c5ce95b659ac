"""The verbs of who is told: read, subscribe to push, unsubscribe."""

from uuid import UUID

from django.db import transaction
from django.utils import timezone

from apps.core.errors import Conflict, Invalid
from apps.notifications.models import Notification, PushSubscription
from apps.notifications.push import ForbiddenEndpoint, public_address_of

MAX_SUBSCRIPTIONS = 20


class TooManySubscriptions(Conflict):
    code, title = "too_many_subscriptions", f"At most {MAX_SUBSCRIPTIONS} devices take push messages."


@transaction.atomic
def read(notification: Notification) -> None:
    """Twice is once: the first time counts."""
    Notification.objects.unread().filter(pk=notification.pk).update(read_at=timezone.now())


@transaction.atomic
def read_all(user_id: UUID, *, up_to: Notification | None = None) -> None:
    """All of them, or `up_to` one and those before it in the list."""
    unread = Notification.objects.owned_by(user_id).unread()
    (unread.filter(latest__lte=up_to.latest) if up_to else unread).update(read_at=timezone.now())


@transaction.atomic
def subscribe(user_id: UUID, *, endpoint: str, p256dh: str, auth: str) -> tuple[PushSubscription, bool]:
    """The subscription, and whether it is new: one for each endpoint, whose last owner it is.

    Raises Invalid for an endpoint that is not https or not public, TooManySubscriptions.
    """
    try:
        public_address_of(endpoint)
    except (ForbiddenEndpoint, OSError, ValueError) as error:
        raise Invalid(endpoint=("invalid_endpoint", "An https address of a public push service.")) from error
    others = PushSubscription.objects.filter(user=user_id).exclude(endpoint=endpoint)
    if others.count() >= MAX_SUBSCRIPTIONS:
        raise TooManySubscriptions
    return PushSubscription.objects.update_or_create(
        endpoint=endpoint, defaults={"user_id": user_id, "p256dh": p256dh, "auth": auth}
    )
