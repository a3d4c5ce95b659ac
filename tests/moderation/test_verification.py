"""The mark of verified accounts: admins alone grant and remove it."""

import pytest
from django.core import mail

from apps.accounts import services as accounts
from apps.accounts.models import User
from apps.moderation import verification
from apps.moderation.models import StaffAct
from apps.moderation.permissions import AdminRequired, NotYourOwn, ReasonRequired
from apps.moderation.roles import NotInGoodStanding
from tests.factories import UserFactory
from tests.moderation.people import make_moderator

pytestmark = pytest.mark.django_db


@pytest.fixture
def admin(db):
    return make_moderator("chief", "admin")


def is_verified(user):
    return User.objects.get(pk=user.pk).is_verified


@pytest.mark.parametrize("role", ["member", "moderator", "senior_moderator"])
def test_only_admins_verify(role, alice):
    user = UserFactory() if role == "member" else make_moderator("visitor", role)
    with pytest.raises(AdminRequired):
        verification.set_verified(alice, verified=True, by=user, reason="Known.")
    assert not is_verified(alice)


def test_mark_is_granted_and_removed_with_audit_and_mail(api, deliver, admin, alice, bob):
    signed_in = api(alice)
    assert signed_in.get("/users/me").json()["is_verified"] is False
    assert verification.set_verified(alice, verified=True, by=admin, reason="Sent her passport.") is True
    assert verification.set_verified(alice, verified=True, by=admin, reason="Again.") is False
    deliver()
    assert api(bob).get("/users/@alice").json()["is_verified"] is True
    assert signed_in.get("/users/me").json()["is_verified"] is True
    assert verification.set_verified(alice, verified=False, by=admin, reason="Sold the account.") is True
    deliver()
    assert api(bob).get("/users/@alice").json()["is_verified"] is False
    acts = StaffAct.objects.order_by("id").values_list("act", "actor", "subject_id", "reason")
    assert list(acts) == [
        ("verify", admin.pk, str(alice.pk), "Sent her passport."),
        ("remove_verification", admin.pk, str(alice.pk), "Sold the account."),
    ]
    granted, removed = mail.outbox
    assert (granted.to, granted.subject) == (["alice@example.org"], "Your account is verified")
    assert "passport" not in granted.body
    assert removed.subject == "Your account is no longer verified"
    for text in ("@alice", "Sold the account.", "tell us"):
        assert text in removed.body
        assert text in removed.alternatives[0].content


@pytest.mark.parametrize("reason", ["", "  "])
def test_reason_is_required(reason, admin, alice):
    with pytest.raises(ReasonRequired):
        verification.set_verified(alice, verified=True, by=admin, reason=reason)
    assert not is_verified(alice)


def test_admin_cannot_verify_the_own_account(admin):
    with pytest.raises(NotYourOwn):
        verification.set_verified(admin, verified=True, by=admin, reason="It is me.")


def test_suspended_account_is_not_verified(admin, alice):
    accounts.suspend(alice, reason="spam")
    with pytest.raises(NotInGoodStanding):
        verification.set_verified(User.objects.get(pk=alice.pk), verified=True, by=admin, reason="Known.")


def test_mark_is_removed_from_a_suspended_account(admin, alice):
    verification.set_verified(alice, verified=True, by=admin, reason="Known.")
    accounts.suspend(alice, reason="spam")
    assert verification.set_verified(User.objects.get(pk=alice.pk), verified=False, by=admin, reason="Spam.")
    assert not is_verified(alice)


def test_form_is_offered_to_admins_about_others(admin, alice, mod):
    pairs = [(by, person) for by in (admin, mod) for person in (alice, by)]
    offered = [(by.handle, person.handle) for by, person in pairs if verification.may_verify(by, person)]
    assert offered == [("chief", "alice")]


@pytest.mark.promise("P8")
@pytest.mark.parametrize("role", ["member", "moderator", "admin"])
def test_mark_is_no_field_of_the_profile(role, api, alice):
    user = alice if role == "member" else make_moderator("visitor", role)
    answer = api(user).patch("/users/me", {"is_verified": True})
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (400, "unknown_field")
    assert not is_verified(user)
