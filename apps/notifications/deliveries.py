"""Delivers notifications by Web Push and by mail. Each delivery is recorded and retried."""

from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

import structlog
from django.db import transaction
from django.db.models import F
from django.utils import timezone
from prometheus_client import Counter

from apps.core.db.batches import BATCH
from apps.core.tasks.outbox import enqueue
from apps.notifications import email, push
from apps.notifications.channels import NowhereToGo, Undelivered
from apps.notifications.models import Channel, Delivery, Notification, NotificationEvent
from apps.notifications.preferences import Channels

log = structlog.get_logger(__name__)
OUTCOMES = Counter("photogram_deliveries_total", "Settled deliveries by channel and outcome.", ["channel", "outcome"])
# Rung by name: the bell in `tasks.py` stands above this module.
DELIVER = "apps.notifications.tasks.deliver"
# Longer than one attempt takes.
LEASE = timedelta(seconds=60)
DOORBELL_LOST_AFTER = timedelta(seconds=30)
MAX_ATTEMPTS = 5
# Raises NowhereToGo, Undelivered.
CHANNELS: dict[str, Callable[[NotificationEvent], None]] = {Channel.PUSH: push.send, Channel.EMAIL: email.send}


def plan(event: NotificationEvent, channels: Channels) -> None:
    """Create a delivery for each channel, in the transaction in which the event is recorded."""
    chosen = [Channel.PUSH] * channels.push + [Channel.EMAIL] * channels.email
    for channel in chosen:
        if channel == Channel.PUSH and not push.is_possible(event.recipient_id):
            continue
        delivery = Delivery.objects.create(event=event, channel=channel)
        enqueue(DELIVER, kwargs={"delivery_id": str(delivery.pk)})


def deliver(delivery_id: UUID) -> None:
    """One attempt, by whoever gets the lease. What may not be seen any more, or has been read, is dropped."""
    now = timezone.now()
    due = Delivery.objects.filter(pk=delivery_id, status=Delivery.Status.PENDING, try_after__lte=now)
    if not due.update(try_after=now + LEASE, attempts=F("attempts") + 1):
        return
    delivery = Delivery.objects.select_related("event__notification", "event__recipient", "event__actor").get(
        pk=delivery_id
    )
    if not _is_readable(delivery.event):
        _settle(delivery, Delivery.Status.DROPPED)
        return
    try:
        CHANNELS[delivery.channel](delivery.event)
    except NowhereToGo as reason:
        _settle(delivery, Delivery.Status.DROPPED, str(reason))
    except Undelivered as error:
        _try_later(delivery, str(error))
    else:
        _settle(delivery, Delivery.Status.SENT)


def _is_readable(event: NotificationEvent) -> bool:
    """Whether the recipient is active, may read the notification, and has not read it yet."""
    unread = Notification.objects.readable_by(event.recipient_id).unread()
    return event.recipient.is_active and unread.filter(pk=event.notification_id).exists()


def _settle(delivery: Delivery, status: str, error: str = "") -> None:
    Delivery.objects.filter(pk=delivery.pk).update(status=status, error=error[:300], settled_at=timezone.now())
    OUTCOMES.labels(delivery.channel, status).inc()


def _try_later(delivery: Delivery, error: str) -> None:
    """After 30 s, 1, 2 and 4 minutes; then it has failed."""
    if delivery.attempts >= MAX_ATTEMPTS:
        log.error("delivery_failed", delivery_id=str(delivery.pk), channel=delivery.channel, error=error)
        _settle(delivery, Delivery.Status.FAILED, error)
        return
    pause = timedelta(seconds=30) * 2 ** (delivery.attempts - 1)
    Delivery.objects.filter(pk=delivery.pk).update(try_after=timezone.now() + pause, error=error[:300])


def ring_again() -> int:
    """Ring for deliveries whose time has come: a doorbell was lost, a worker died, or the attempt before failed.
    Returns for how many."""
    due = Delivery.objects.filter(
        status=Delivery.Status.PENDING, try_after__lte=timezone.now() - DOORBELL_LOST_AFTER
    ).order_by("try_after")
    with transaction.atomic():
        waiting = list(due.values_list("pk", flat=True)[:BATCH])
        for pk in waiting:
            enqueue(DELIVER, kwargs={"delivery_id": str(pk)})
    return len(waiting)
