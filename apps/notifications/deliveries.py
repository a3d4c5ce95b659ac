"""Delivers notifications by Web Push and by mail. Each delivery is recorded and retried."""

from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

import structlog
from django.utils import timezone
from prometheus_client import Counter

from apps.core.tasks import leased
from apps.core.tasks.leased import first_sweep_at
from apps.core.tasks.outbox import enqueue
from apps.notifications import email, push
from apps.notifications.channels import NowhereToGo, Undelivered
from apps.notifications.models import Channel, Delivery, Notification, NotificationEvent
from apps.notifications.preferences import Channels

log = structlog.get_logger(__name__)
OUTCOMES = Counter("photogram_deliveries_total", "Settled deliveries by channel and outcome.", ["channel", "outcome"])
# Sent by task name: importing tasks.py here would be a cycle.
DELIVER = "apps.notifications.tasks.deliver"
# Longer than one attempt takes.
LEASE = timedelta(seconds=60)
MAX_ATTEMPTS = 5
# Raises NowhereToGo, Undelivered.
CHANNELS: dict[str, Callable[[NotificationEvent], None]] = {Channel.PUSH: push.send, Channel.EMAIL: email.send}


def plan(event: NotificationEvent, channels: Channels) -> None:
    """Create a delivery for each channel, in the transaction in which the event is recorded."""
    chosen = [Channel.PUSH] * channels.push + [Channel.EMAIL] * channels.email
    for channel in chosen:
        if channel == Channel.PUSH and not push.is_possible(event.recipient_id):
            continue
        delivery = Delivery.objects.create(event=event, channel=channel, next_attempt_at=first_sweep_at())
        enqueue(DELIVER, kwargs={"delivery_id": str(delivery.pk)})


def deliver(delivery_id: UUID) -> None:
    """Attempt a delivery. It is dropped if the recipient may no longer read the notification or has read it."""
    delivery: Delivery | None = _pending().claim(delivery_id, lease=LEASE)
    if delivery is None:
        return
    if not _is_readable(delivery.event):
        _settle(delivery, Delivery.Status.DROPPED)
        return
    try:
        CHANNELS[delivery.channel](delivery.event)
    except NowhereToGo as reason:
        _settle(delivery, Delivery.Status.DROPPED, str(reason))
    except Undelivered as error:
        _retry_later(delivery, str(error))
    else:
        _settle(delivery, Delivery.Status.SENT)


def _is_readable(event: NotificationEvent) -> bool:
    """Whether the recipient is active, may read the notification, and has not read it yet."""
    unread = Notification.objects.readable_by(event.recipient_id).unread()
    return event.recipient.is_active and unread.filter(pk=event.notification_id).exists()


def _settle(delivery: Delivery, status: str, error: str = "") -> None:
    Delivery.objects.finish(delivery, status=status, error=error[:300], settled_at=timezone.now())
    OUTCOMES.labels(delivery.channel, status).inc()


def _retry_later(delivery: Delivery, error: str) -> None:
    """Schedule the next attempt after 30 s, 1, 2 and 4 minutes. After MAX_ATTEMPTS the delivery has failed."""
    if delivery.attempts >= MAX_ATTEMPTS:
        log.error("delivery_failed", delivery_id=str(delivery.pk), channel=delivery.channel, error=error)
        _settle(delivery, Delivery.Status.FAILED, error)
        return
    pause = timedelta(seconds=30) * 2 ** (delivery.attempts - 1)
    Delivery.objects.release(delivery, after=pause, error=error[:300])


def enqueue_due() -> int:
    """Enqueue deliveries that are due, because a task was lost or an attempt failed. Returns how many."""
    return leased.enqueue_due(_pending(), task=DELIVER, argument="delivery_id")


def _pending() -> leased.LeasedJobQuerySet:
    return Delivery.objects.filter(status=Delivery.Status.PENDING)
