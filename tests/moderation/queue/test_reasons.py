"""Reason templates: created by a migration, changed by senior moderators, and recorded."""

import pytest
from django.urls import reverse

from apps.moderation import roles
from apps.moderation.cases import policies
from apps.moderation.models import Decision, ReasonTemplate, StaffAct
from tests.moderation.people import make_moderator
from tests.moderation.queue.helpers import browser

pytestmark = pytest.mark.django_db
LIST = reverse("admin:moderation_reasontemplate_changelist")
ADD = reverse("admin:moderation_reasontemplate_add")
NEW = {"title": "Watches", "text": "Sells watches.", "action": "take_down", "category": "spam"}


@pytest.fixture
def chief(db):
    return make_moderator("chief", role="admin")


def page_of(template, what="change"):
    return reverse(f"admin:moderation_reasontemplate_{what}", args=[template.pk])


def test_every_decision_has_reason_templates():
    assert set(ReasonTemplate.objects.values_list("action", flat=True)) == set(Decision)


def test_changes_of_templates_are_recorded(chief):
    client = browser(chief)
    assert client.post(ADD, NEW).status_code == 302
    made = ReasonTemplate.objects.get(title="Watches")
    client.post(page_of(made), NEW)
    client.post(page_of(made), NEW | {"text": "Sells watches, again."})
    client.post(page_of(made, "delete"), {"post": "yes"})
    assert not ReasonTemplate.objects.filter(pk=made.pk).exists()
    acts = list(StaffAct.objects.order_by("id"))
    assert [(act.act, act.actor) for act in acts] == [
        ("add_reason_template", chief),
        ("change_reason_template", chief),
        ("drop_reason_template", chief),
    ]
    assert acts[1].detail["before"]["text"] == "Sells watches."
    assert acts[1].detail["after"]["text"] == "Sells watches, again."


@pytest.mark.promise("O1")
def test_moderator_sees_templates_and_cannot_change_them(mod):
    template = ReasonTemplate.objects.order_by("id")[0]
    client, before = browser(mod), list(ReasonTemplate.objects.order_by("id").values())
    assert client.get(LIST).status_code == 200
    assert client.post(ADD, NEW).status_code == 403
    assert client.post(page_of(template), NEW).status_code == 403
    assert client.post(page_of(template, "delete"), {"post": "yes"}).status_code == 403
    client.post(LIST, {"action": "delete_selected", "_selected_action": [str(template.pk)], "post": "yes"})
    for service in (policies.save_template, policies.delete_template):
        with pytest.raises(roles.SeniorModeratorRequired):
            service(template, by=mod)
    assert list(ReasonTemplate.objects.order_by("id").values()) == before
    assert not StaffAct.objects.exists()


def test_invalid_template_is_refused(chief):
    client = browser(chief)
    for wrong in ({"text": ""}, {"action": "made_up"}, {"title": "Spam or scam"}):
        assert client.post(ADD, NEW | wrong).status_code == 200
    assert not StaffAct.objects.exists()
