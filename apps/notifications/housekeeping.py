"""Rows that have outlived their use."""

from datetime import timedelta

from django.utils import timezone

from apps.core.batches import delete_in_batches
from apps.notifications.models import Notification

KEPT = timedelta(days=180)


def purge_old_notifications() -> int:
    return delete_in_batches(Notification.objects.filter(updated_at__lt=timezone.now() - KEPT))
