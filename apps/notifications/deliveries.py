"""Getting a notification to where its recipient is: by Web Push and by mail, each delivery tried again and recorded."""

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
from apps.notifications.models import Act, Channel, Delivery, Notification
from apps.notifications.preferences import Channels

log = structlog.get_logger(__name__)
OUTCOMES = Counter(
    "photogram_deliveries_total", "Deliveries that are settled, by channel and outcome.", ["channel", "outcome"]
)
# Sent by task name: importing tasks.py here would be a cycle.
DELIVER = "apps.notifications.tasks.deliver"
# Longer than one attempt takes.
LEASE = timedelta(seconds=60)
MAX_ATTEMPTS = 5
# Raises NowhereToGo, Undelivered.
CHANNELS: dict[str, Callable[[Act], None]] = {Channel.PUSH: push.send, Channel.EMAIL: email.send}


def plan(act: Act, wished: Channels) -> None:
    """Create the deliveries of an event, in its transaction."""
    chosen = [Channel.PUSH] * wished.push + [Channel.EMAIL] * wished.email
    for channel in chosen:
        if channel == Channel.PUSH and not push.is_possible(act.recipient_id):
            continue
        delivery = Delivery.objects.create(act=act, channel=channel, next_attempt_at=first_sweep_at())
        enqueue(DELIVER, kwargs={"delivery_id": str(delivery.pk)})


def deliver(delivery_id: UUID) -> None:
    """Attempt the delivery once. It is dropped if the notification was read or is not readable any more."""
    delivery: Delivery | None = _pending().claim(delivery_id, lease=LEASE)
    if delivery is None:
        return
    if not _may_still_be_told(delivery.act):
        _settle(delivery, Delivery.Status.DROPPED)
        return
    try:
        CHANNELS[delivery.channel](delivery.act)
    except NowhereToGo as reason:
        _settle(delivery, Delivery.Status.DROPPED, str(reason))
    except Undelivered as error:
        _try_later(delivery, str(error))
    else:
        _settle(delivery, Delivery.Status.SENT)


def _may_still_be_told(act: Act) -> bool:
    unread = Notification.objects.readable_by(act.recipient_id).unread()
    return act.recipient.is_active and unread.filter(pk=act.notification_id).exists()


def _settle(delivery: Delivery, status: str, error: str = "") -> None:
    Delivery.objects.finish(delivery, status=status, error=error[:300], settled_at=timezone.now())
    OUTCOMES.labels(delivery.channel, status).inc()


def _try_later(delivery: Delivery, error: str) -> None:
    """After 30 s, 1, 2 and 4 minutes; then it has failed."""
    if delivery.attempts >= MAX_ATTEMPTS:
        log.error("delivery_failed", delivery_id=str(delivery.pk), channel=delivery.channel, error=error)
        _settle(delivery, Delivery.Status.FAILED, error)
        return
    pause = timedelta(seconds=30) * 2 ** (delivery.attempts - 1)
    Delivery.objects.release(delivery, after=pause, error=error[:300])


def enqueue_due() -> int:
    """Enqueue the deliveries that are due: a task was lost, a worker died, or the attempt before failed. Returns how
    many."""
    return leased.enqueue_due(_pending(), task=DELIVER, argument="delivery_id")


def _pending() -> leased.LeasedJobQuerySet:
    return Delivery.objects.filter(status=Delivery.Status.PENDING)
