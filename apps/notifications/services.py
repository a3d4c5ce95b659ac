"""Write operations of notifications and push subscriptions."""

from secrets import compare_digest
from uuid import UUID

from django.db import transaction
from django.utils import timezone
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from apps.core.errors import Conflict, Invalid, NotFound
from apps.notifications.models import Notification, PushSubscription
from apps.notifications.push import check_endpoint

MAX_SUBSCRIPTIONS = 20


class TooManySubscriptions(Conflict):
    code = "too_many_subscriptions"
    title = format_lazy(_("At most {most} devices take push messages."), most=MAX_SUBSCRIPTIONS)


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
def subscribe(
    user_id: UUID, *, session_id: UUID, endpoint: str, p256dh: str, auth: str
) -> tuple[PushSubscription, bool]:
    """Subscribe a browser to push messages for as long as the session lasts. An endpoint has one subscription.

    A browser that another user has signed in to sends the same keys as before, and its subscription moves to that user.
    Other keys do not come from this browser: it takes more than the endpoint to take a subscription over.

    Returns the subscription and whether it is new.

    Raises Invalid for an endpoint that is not https, not public, or of another user's browser; TooManySubscriptions.
    """
    try:
        check_endpoint(endpoint)
    except ValueError as error:  # ForbiddenEndpoint is one
        raise Invalid(endpoint=("invalid_endpoint", _("An https address of a public push service."))) from error
    others = PushSubscription.objects.owned_by(user_id).live().exclude(endpoint=endpoint)
    if others.count() >= MAX_SUBSCRIPTIONS:
        raise TooManySubscriptions
    values = {"user_id": user_id, "session_id": session_id, "p256dh": p256dh, "auth": auth}
    subscription, is_new = PushSubscription.objects.select_for_update().get_or_create(values, endpoint=endpoint)
    if subscription.user_id != user_id and not _has_keys(subscription, p256dh=p256dh, auth=auth):
        raise Invalid(endpoint=("invalid_endpoint", _("This endpoint belongs to another browser.")))
    if not is_new:
        PushSubscription.objects.filter(pk=subscription.pk).update(**values)
        subscription.refresh_from_db()
    return subscription, is_new


def _has_keys(subscription: PushSubscription, *, p256dh: str, auth: str) -> bool:
    """The keys are the browser's secret; padding is optional."""
    known, given = (
        "|".join(key.rstrip("=") for key in pair).encode()
        for pair in ((subscription.p256dh, subscription.auth), (p256dh, auth))
    )
    return compare_digest(known, given)


@transaction.atomic
def unsubscribe(subscription: PushSubscription) -> None:
    subscription.delete()
