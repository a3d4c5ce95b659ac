"""Rows that have outlived their use."""

from datetime import timedelta

from django.utils import timezone

from apps.core.db.batches import BatchRunner, delete_in_batches
from apps.core.db.ids import first_id_at
from apps.notifications.models import Delivery, Notification

KEPT = timedelta(days=180)
# Of a delivery that is settled nothing is asked any more but why it failed.
SETTLED_DELIVERIES_KEPT = timedelta(days=30)


def purge_old_notifications(runner: BatchRunner | None = None) -> int:
    """With who caused them, and their deliveries."""
    return delete_in_batches(Notification.objects.filter(updated_at__lt=timezone.now() - KEPT), runner)


def purge_settled_deliveries(runner: BatchRunner | None = None) -> int:
    """An id tells when a delivery was planned: no index is needed to find the old ones."""
    old = Delivery.objects.filter(pk__lt=first_id_at(timezone.now() - SETTLED_DELIVERIES_KEPT))
    return delete_in_batches(old.exclude(status=Delivery.Status.PENDING), runner)
