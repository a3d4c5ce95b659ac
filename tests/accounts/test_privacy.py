"""What accounts hold on a person: handed out, and erased all but the row that goes last."""

import pytest
from django.utils import timezone

from apps.accounts import privacy, services
from apps.accounts.models import EmailChange, SecurityEvent, Session, User, WithheldHandle
from apps.core.models import DeadLetter

pytestmark = pytest.mark.django_db


def add_changes(user):
    now = timezone.now()
    EmailChange.objects.create(user=user, old_email=user.email, new_email="new@example.org", expires_at=now)
    SecurityEvent.objects.create(user=user, kind="password_changed", email=user.email)
    WithheldHandle.objects.create(handle="former", until=now, user=user)


def test_erase_ends_sessions_withholds_the_handle_and_is_idempotent(alice, bob):
    services.open_session(alice)
    services.open_session(bob)
    add_changes(alice)
    for _ in range(2):
        privacy.erase(alice.pk)
    assert list(Session.objects.values_list("user__handle", flat=True)) == ["bob"]
    assert WithheldHandle.objects.get(user=None, handle="alice")
    assert not EmailChange.objects.exists()
    assert not SecurityEvent.objects.exists()
    assert User.objects.filter(pk=alice.pk).exists()


def test_erase_deletes_failed_mails_to_the_address(alice, bob):
    for user in (alice, bob):
        DeadLetter.objects.create(
            task_id=user.handle, task_name="apps.accounts.tasks.send_reset", kwargs={"email": user.email}
        )
    privacy.erase(alice.pk)
    assert list(DeadLetter.objects.values_list("task_id", flat=True)) == ["bob"]


def test_export_contains_own_data_and_no_secret(alice, bob):
    services.open_session(alice, device_name="telephone")
    services.open_session(bob, device_name="tablet")
    add_changes(alice)
    rows = list(privacy.export(alice.pk))
    assert [kind for kind, _ in rows] == [
        "account",
        "sessions",
        "email_changes",
        "former_handles",
        "security_events",
    ]
    assert rows[1][1]["device_name"] == "telephone"
    assert not {"password", "nonce"} & {name for _, row in rows for name in row}
