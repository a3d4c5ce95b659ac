"""Applications at the moderation desk, invitations of admins, and domains of e-mail addresses in the console."""

import pytest
from django.core import mail
from django.test import Client
from django.urls import reverse

from apps.accounts import email_domains, invitations, registration
from apps.accounts.models import Application, EmailDomain, Invitation, User
from apps.moderation import registration as desk
from apps.moderation.models import Claim, StaffAct
from apps.moderation.permissions import AdminRequired
from apps.moderation.roles import SeniorModeratorRequired
from apps.moderation.services import ModeratorRequired
from apps.site import services as site
from tests.factories import PASSWORD, UserFactory
from tests.moderation.people import make_moderator

pytestmark = pytest.mark.django_db
QUEUE = "/admin/moderation/moderationaction/applications/"


def browser_of(moderator):
    browser = Client()
    assert browser.login(username=moderator.handle, password=PASSWORD)
    return browser


def apply(handle):
    site.change_settings(registration="approval")
    registration.register(
        handle=handle, email=f"{handle}@example.org", password=PASSWORD, reason="I photograph lighthouses."
    )
    return Application.objects.get(user__handle=handle)


def page_of(application):
    return reverse("admin:moderation_application", args=[application.pk])


def test_opening_an_application_claims_it_and_others_cannot_decide_it(mod, deliver):
    first, second = apply("dora"), apply("emil")
    mine, other = browser_of(mod), browser_of(make_moderator("second"))
    assert reverse("admin:moderation_applications") == QUEUE
    assert mine.get(page_of(first)).context["mine"]
    assert Claim.objects.get().target_id == first.user_id
    assert "@mod is working on this" in other.get(QUEUE).text
    page = other.get(page_of(first))
    assert not page.context["mine"]
    assert 'value="approve"' not in page.text
    refused = other.post(page_of(first), {"decision": "approve"}, follow=True)
    assert "@mod works on that case until" in refused.text
    assert Application.objects.pending().count() == 2
    # Another application releases the first one.
    assert mine.get(page_of(second)).context["mine"]
    assert other.get(page_of(first)).context["mine"]


def test_decision_is_recorded_mailed_and_leads_to_the_next_application(mod, deliver):
    first, second = apply("dora"), apply("emil")
    browser = browser_of(mod)
    for data in ({"decision": "reject"}, {"decision": "reject", "note": " "}, {"decision": "x"}):
        assert browser.post(page_of(first), data).headers["Location"] == page_of(first)
    assert Application.objects.pending().count() == 2
    decided = browser.post(page_of(first), {"decision": "approve", "note": "Welcome."})
    assert decided.headers["Location"] == page_of(second)
    assert browser.get(page_of(second)).context["mine"]
    assert browser.post(page_of(second), {"decision": "reject", "note": "No."}).headers["Location"] == QUEUE
    deliver()
    assert {letter.subject for letter in mail.outbox[-2:]} == {
        "Your application was accepted",
        "Your application was not accepted",
    }
    acts = StaffAct.objects.order_by("pk").values_list("act", "actor_id", "subject_id", "reason")
    assert list(acts) == [
        ("approve_application", mod.pk, str(first.pk), "Welcome."),
        ("reject_application", mod.pk, str(second.pk), "No."),
    ]
    assert not Claim.objects.exists()
    assert User.objects.get(handle="dora").state == "active"
    assert "@dora" in browser.get(f"{QUEUE}?status=approved").text


def test_services_check_the_rank_themselves(mod):
    """The pages check it, too."""
    application, creator = apply("dora"), UserFactory()
    invitation = invitations.create(creator.pk, max_uses=1, days=1)
    domain = EmailDomain.objects.create(domain="blocked.example", effect="block", reason="x")
    senior = make_moderator("senior", "senior_moderator")
    refused = [
        (ModeratorRequired, lambda: desk.decide_application(application, by=creator, approve=True)),
        (AdminRequired, lambda: desk.invite(max_uses=1, days=1, by=senior, reason="x")),
        (AdminRequired, lambda: desk.revoke_invitation(invitation, by=senior, reason="x")),
        (
            SeniorModeratorRequired,
            lambda: desk.add_email_domain(domain="a.example", effect="block", by=mod, reason="x"),
        ),
        (SeniorModeratorRequired, lambda: desk.remove_email_domain(domain, by=mod, reason="x")),
    ]
    for error, call in refused:
        with pytest.raises(error):
            call()
    assert not StaffAct.objects.exists()


def test_repeated_decision_and_revocation_are_recorded_once(mod):
    application, admin = apply("dora"), make_moderator("root", "admin")
    invitation = invitations.create(admin.pk, max_uses=1, days=1)
    for first in (True, False):
        assert desk.decide_application(application, by=mod, approve=True) is first
        assert desk.revoke_invitation(invitation, by=admin, reason="x") is first
    assert list(StaffAct.objects.order_by("id").values_list("act", flat=True)) == [
        "approve_application",
        "revoke_invitation",
    ]


def test_release_gives_an_application_back(mod):
    application, browser = apply("dora"), browser_of(mod)
    browser.get(page_of(application))
    path = reverse("admin:moderation_application_release", args=[application.pk])
    assert browser.post(path).headers["Location"] == QUEUE
    assert not Claim.objects.exists()


@pytest.mark.parametrize("mode", ["invite", "closed"])
def test_admin_invites_without_a_quota_in_every_mode_and_it_is_recorded(mode):
    site.change_settings(invitations_per_member=0, registration=mode)
    admin = make_moderator("root", "admin")
    browser = browser_of(admin)
    path = reverse("admin:accounts_invitation_new")
    assert browser.post(path, {"max_uses": 50, "days": 30, "reason": ""}).status_code == 400
    assert browser.post(path, {"max_uses": 50, "days": 30, "reason": "A school class."}).status_code == 302
    invitation = Invitation.objects.get()
    assert invitation.code in browser.get(reverse("admin:accounts_invitation_changelist")).text
    guest = registration.register(
        handle="guest", email="guest@example.org", password=PASSWORD, invitation=invitation.code
    )
    assert "@root" in browser.get(reverse("admin:accounts_user_change", args=[guest.pk])).text
    act = StaffAct.objects.get()
    assert (act.act, act.detail) == ("create_invitation", {"max_uses": 50, "days": 30})
    assert browser_of(make_moderator("senior", "senior_moderator")).get(path).status_code == 403


def test_senior_moderator_edits_the_domains_and_it_is_recorded():
    browser = browser_of(make_moderator("senior", "senior_moderator"))
    path = reverse("admin:accounts_emaildomain_new")
    data = {"domain": "Bücher.example", "effect": "block", "reason": "Spam."}
    assert browser.post(path, data).status_code == 302
    again = browser.post(path, data)
    assert (again.status_code, "already" in again.text) == (400, True)
    assert EmailDomain.objects.get().domain == "xn--bcher-kva.example"
    assert not email_domains.is_accepted("mail.xn--bcher-kva.example")
    assert StaffAct.objects.get().detail == {"domain": "xn--bcher-kva.example", "effect": "block"}
