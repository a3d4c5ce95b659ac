"""Deletes old rows."""

from datetime import timedelta

from django.utils import timezone

from apps.core.db.batches import BatchRunner, delete_in_batches
from apps.core.db.ids import first_id_at
from apps.notifications.models import Delivery, Notification

KEPT = timedelta(days=180)
# Long enough to find out why a delivery failed.
SETTLED_DELIVERIES_KEPT = timedelta(days=30)


def purge_old_notifications(runner: BatchRunner | None = None) -> int:
    """Delete notifications that have not changed for 180 days, with their events and deliveries. Returns how many."""
    return delete_in_batches(Notification.objects.filter(updated_at__lt=timezone.now() - KEPT), runner)


def purge_settled_deliveries(runner: BatchRunner | None = None) -> int:
    """Delete settled deliveries after 30 days. The id of a row contains its time, so that no further index is needed.

    Returns how many were deleted.
    """
    old = Delivery.objects.filter(pk__lt=first_id_at(timezone.now() - SETTLED_DELIVERIES_KEPT))
    return delete_in_batches(old.exclude(status=Delivery.Status.PENDING), runner)
