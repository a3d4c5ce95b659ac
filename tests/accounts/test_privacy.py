"""What accounts hold on a person: handed out, and erased all but the row that goes last."""

import pytest

from apps.accounts import privacy, services
from apps.accounts.models import Session, User, WithheldHandle
from apps.core.models import DeadLetter

pytestmark = pytest.mark.django_db


def test_erase_ends_sessions_withholds_the_handle_and_is_idempotent(alice, bob):
    services.open_session(alice)
    services.open_session(bob)
    for _ in range(2):
        privacy.erase(alice.pk)
    assert list(Session.objects.values_list("user__handle", flat=True)) == ["bob"]
    assert WithheldHandle.objects.get().handle == "alice"
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
    rows = list(privacy.export(alice.pk))
    assert [kind for kind, _ in rows] == ["account", "sessions"]
    assert rows[1][1]["device_name"] == "telephone"
    assert not {"password", "nonce"} & {name for _, row in rows for name in row}
