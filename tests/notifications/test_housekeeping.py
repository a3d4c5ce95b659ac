"""Deletion of old notifications and deliveries."""

from datetime import timedelta

import pytest
from django.utils import timezone

from apps.core.db.ids import first_id_at, new_id
from apps.notifications import tasks
from apps.notifications.models import Delivery, Notification, NotificationEvent

pytestmark = pytest.mark.django_db


def make_event(recipient, *, days_ago=0):
    notification = Notification.objects.create(
        recipient=recipient, type="moderation", updated_at=timezone.now() - timedelta(days=days_ago)
    )
    return NotificationEvent.objects.create(notification=notification, recipient=recipient, cause=new_id())


def make_delivery(event, status, *, days_ago, channel="push"):
    planned = first_id_at(timezone.now() - timedelta(days=days_ago))
    return Delivery.objects.create(id=planned, event=event, status=status, channel=channel)


def test_notifications_are_deleted_after_180_days_with_their_deliveries(alice):
    old, recent = make_event(alice, days_ago=181), make_event(alice, days_ago=179)
    make_delivery(old, "sent", days_ago=1)
    kept = make_delivery(recent, "sent", days_ago=2)
    assert tasks.purge_old_notifications() == 1
    assert Notification.objects.get() == recent.notification
    assert NotificationEvent.objects.get() == recent
    assert Delivery.objects.get() == kept


def test_settled_deliveries_are_deleted_after_30_days_and_pending_ones_kept(alice):
    for days_ago, status in [(31, "sent"), (32, "failed"), (33, "dropped")]:
        make_delivery(make_event(alice), status, days_ago=days_ago)
    waiting = make_delivery(make_event(alice), "pending", days_ago=34)
    recent = make_delivery(make_event(alice), "sent", days_ago=29)
    assert tasks.purge_settled_deliveries() == 3
    assert set(Delivery.objects.all()) == {waiting, recent}
    assert Notification.objects.count() == 5
