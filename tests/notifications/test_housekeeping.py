"""Notifications and deliveries that have outlived their use."""

from datetime import timedelta

import pytest
from django.utils import timezone

from apps.core.db.ids import first_id_at, new_id
from apps.notifications import tasks
from apps.notifications.models import Act, Delivery, Notification

pytestmark = pytest.mark.django_db


def told(person, *, days_ago=0):
    notification = Notification.objects.create(
        recipient=person, type="moderation", updated_at=timezone.now() - timedelta(days=days_ago)
    )
    return Act.objects.create(notification=notification, recipient=person, cause=new_id())


def delivery(act, status, *, days_ago, channel="push"):
    planned = first_id_at(timezone.now() - timedelta(days=days_ago))
    return Delivery.objects.create(id=planned, act=act, status=status, channel=channel)


def test_old_notifications_go_with_all_that_belongs_to_them(alice):
    old, recent = told(alice, days_ago=181), told(alice, days_ago=179)
    delivery(old, "sent", days_ago=1)
    kept = delivery(recent, "sent", days_ago=2)
    assert tasks.purge_old_notifications() == 1
    assert Notification.objects.get() == recent.notification
    assert Act.objects.get() == recent
    assert Delivery.objects.get() == kept


def test_settled_deliveries_go_after_a_month_and_those_to_be_made_stay(alice):
    for days_ago, status in [(31, "sent"), (32, "failed"), (33, "dropped")]:
        delivery(told(alice), status, days_ago=days_ago)
    waiting = delivery(told(alice), "pending", days_ago=34)
    recent = delivery(told(alice), "sent", days_ago=29)
    assert tasks.purge_settled_deliveries() == 3
    assert set(Delivery.objects.all()) == {waiting, recent}
    assert Notification.objects.count() == 5
