"""Media in the console: the one action there is."""

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse

from apps.core.models import QueuedTask
from apps.media import sweeps
from apps.media.models import Media
from tests.factories import PASSWORD, MediaFactory, UserFactory
from tests.moderation.people import make_moderator

pytestmark = pytest.mark.django_db


def operator(handle, *permissions):
    user = UserFactory(handle=handle, is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client = Client()
    assert client.login(username=handle, password=PASSWORD)
    return client


def reprocess(client, *media):
    body = {"action": "reprocess", "_selected_action": [str(medium.pk) for medium in media]}
    return client.post(reverse("admin:media_media_changelist"), body)


def test_operator_reprocesses_failed_media_only(alice):
    failed = MediaFactory(owner=alice, status="failed", original_etag="e", error_code="image_corrupt", attempts=5)
    pending = MediaFactory(owner=alice, status="pending")
    root = make_moderator("root", role="admin")
    client = Client()
    client.force_login(root)
    reprocess(client, failed, pending)
    failed.refresh_from_db()
    assert (failed.status, failed.error_code, failed.attempts) == ("uploaded", "", 0)
    [bell] = QueuedTask.objects.all()
    assert (bell.task_name, bell.kwargs["media_id"]) == (sweeps.PROCESS, str(failed.pk))
    assert Media.objects.get(pk=pending.pk).status == "pending"


@pytest.mark.promise("O1")
def test_staff_with_view_permission_cannot_reprocess_media(alice):
    failed = MediaFactory(owner=alice, status="failed", original_etag="e")
    reprocess(operator("clerk", "view_media"), failed)
    failed.refresh_from_db()
    assert failed.status == "failed"
    assert not QueuedTask.objects.exists()


def test_secrets_and_keys_are_not_shown(alice):
    medium = MediaFactory(owner=alice, public_secret="p" * 32)
    page = operator("clerk", "view_media").get(reverse("admin:media_media_change", args=[medium.pk])).content.decode()
    assert str(alice) in page
    for secret in (medium.private_secret, medium.public_secret, medium.original_key):
        assert secret not in page
