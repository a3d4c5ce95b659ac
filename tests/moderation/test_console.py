"""Decisions in the lists of the console use the same services, and other users cannot take them."""

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group
from django.test import Client
from django.urls import reverse

from apps.accounts.models import User
from apps.content.models import Post
from apps.moderation import services
from apps.moderation.models import Appeal, Flag, ModerationAction
from tests.factories import PASSWORD, PostFactory, UserFactory
from tests.moderation.people import make_moderator, suspended, taken_down

pytestmark = pytest.mark.django_db


def browser(person):
    client = Client()
    assert client.login(username=person.handle, password=PASSWORD)
    return client


def act(client, row, action, reason="Seen in the console."):
    path = reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_changelist")
    return client.post(path, {"action": action, "_selected_action": [str(row.pk)], "index": 0, "reason": reason})


@pytest.fixture
def flag(alice, carol):
    return services.flag(alice, by=carol.pk, category="spam")[0]


@pytest.fixture
def appeal(alice, mod):
    return services.appeal(taken_down(PostFactory(author=alice), mod), by=alice.pk, text="It is art.")


@pytest.mark.parametrize(
    ("action", "status", "audited"), [("resolve", "resolved", "resolve_flag"), ("dismiss", "dismissed", "dismiss_flag")]
)
def test_report_is_closed_with_the_reason(mod, flag, action, status, audited):
    act(browser(mod), flag, action)
    assert list(Flag.objects.values_list("status", "resolution_note")) == [(status, "Seen in the console.")]
    row = ModerationAction.objects.get()
    assert (row.action, row.actor, row.reason) == (audited, mod, "Seen in the console.")


@pytest.mark.parametrize(("action", "status", "down"), [("uphold", "upheld", 1), ("overturn", "overturned", 0)])
def test_appeal_is_decided_by_another_moderator(mod, appeal, action, status, down):
    refused = act(browser(mod), appeal, action)
    assert "The moderator who took the action cannot decide" in browser_text(refused, mod)
    assert Appeal.objects.get().status == "open"
    act(browser(make_moderator("mod2")), appeal, action)
    assert Appeal.objects.get().status == status
    assert Post.objects.exclude(taken_down_at=None).count() == down


def browser_text(answer, person):
    """What the page after the action says; the message waits in the session of that browser."""
    return "".join(str(message) for message in answer.wsgi_request._messages)


def test_unsuspension_is_in_the_audit(mod, alice):
    suspended(alice, mod)
    act(browser(mod), alice, "unsuspend")
    assert User.objects.get(pk=alice.pk).state == "active"
    assert list(ModerationAction.objects.order_by("id").values_list("action", flat=True)) == ["suspend", "unsuspend"]


@pytest.mark.promise("O1")
@pytest.mark.parametrize("kind", ["staff", "staff that may see everything"])
def test_staff_without_moderator_role_change_nothing(mod, alice, flag, appeal, kind):
    clerk = UserFactory(handle="clerk", is_staff=True)
    if kind != "staff":
        clerk.user_permissions.set(Group.objects.get(name="admin").permissions.all())
    before = ModerationAction.objects.count()
    suspended(alice, mod)
    for row, action in [(flag, "resolve"), (appeal, "overturn"), (alice, "unsuspend")]:
        act(browser(clerk), row, action)
    assert ModerationAction.objects.count() == before + 1
    assert User.objects.get(pk=alice.pk).state == "suspended"
    assert (Flag.objects.get().status, Appeal.objects.get().status) == ("open", "open")


def test_moderator_sees_only_models_of_moderation(mod, flag, appeal):
    client = browser(mod)
    seen = {
        model.__name__
        for model in admin.site._registry
        if model.__module__.startswith("apps.")
        and client.get(reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")).status_code == 200
    }
    assert {"User", "Post", "Media", "Flag", "ModerationAction", "Appeal"} <= seen
    assert not seen & {"Session", "Follow", "Block", "PendingDeletion"}


def test_reporter_is_shown_only_on_the_case_page(mod, alice, carol, flag):
    client = browser(mod)
    for page in (
        reverse("admin:moderation_flag_changelist"),
        reverse("admin:moderation_flag_change", args=[flag.pk]),
        reverse("admin:moderation_flag_queue"),
    ):
        assert b"carol" not in client.get(page).content
    assert b"@carol" in client.get(reverse("admin:moderation_flag_case", args=["user", alice.pk])).content
