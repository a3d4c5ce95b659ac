"""Joining in each mode, the page of an invitation, and the settings page for invitations, without JavaScript."""

import datetime as dt

import pytest
from django.conf import settings as configured
from django.utils import timezone

from apps.accounts import invitations, proof_of_work
from apps.accounts import services as accounts
from apps.accounts.models import Application, Invitation, User
from apps.site import services as site
from tests.accounts.test_registration import easy, solve  # noqa: F401  (easy is a fixture)
from tests.factories import PASSWORD
from tests.threads import in_threads
from tests.web.conftest import Browser
from tests.web.forms import PlainBrowser
from tests.web.test_account import errors_by_field, text_of

pytestmark = pytest.mark.django_db
DORA = {"handle": "dora", "email": "dora@example.org", "password": PASSWORD, "display_name": "Dora"}


def join(**changes):
    return Browser().post("/join", DORA | changes)


def test_closed_site_shows_no_form(db):
    site.change_settings(registration="closed")
    page = Browser().get("/join")
    assert "does not accept new members" in text_of(page)
    assert 'name="handle"' not in page.text
    refused = join()
    assert refused.status_code == 403
    assert not User.objects.exists()


def test_invitation_link_leads_to_a_sign_up_with_its_code(alice):
    site.change_settings(registration="invite")
    invitation = invitations.create(alice.pk, max_uses=1, days=1)
    assert errors_by_field(join()) == {"invitation": "You need an invitation to join."}
    assert "not valid" in errors_by_field(join(invitation="abcdefghjkmn"))["invitation"]
    browser = PlainBrowser()
    page = browser.open(f"/invite/{invitation.code}")
    assert "Alice (@alice) invites you." in " ".join(page.text.split())
    browser.press_link("Accept the invitation")
    browser.press("Join", **DORA)
    assert User.objects.get(handle="dora").is_active
    assert Browser().get(f"/invite/{invitation.code}").status_code == 404


def test_closed_site_is_open_to_invitations_of_the_operator_only(alice):
    site.change_settings(registration="closed")
    own, of_operator = (invitations.create(alice.pk, max_uses=2, days=1, by_operator=by) for by in (False, True))
    page = Browser().get(f"/invite/{own.code}")
    assert (page.status_code, "does not accept new members" in text_of(page)) == (404, True)
    # The page does not say which codes are valid; the sign-up, which is limited, does.
    for code in (own.code, "abcdefghjkmn"):
        assert 'name="handle"' in Browser().get(f"/join?invitation={code}").text
        refused = join(invitation=code)
        assert (refused.status_code, "does not accept new members" in text_of(refused)) == (403, True)
    listed = Browser(alice).get("/settings/invitations").text
    assert f"/invite/{of_operator.code}" in listed
    assert f"/invite/{own.code}" not in listed
    assert listed.count("Revoke the invitation") == 2
    browser = PlainBrowser()
    browser.open(f"/invite/{of_operator.code}")
    browser.press_link("Accept the invitation")
    browser.press("Join", **DORA)
    assert User.objects.get(handle="dora").is_active


def test_invitation_page_of_a_member_offers_no_sign_up(alice, bob):
    invitation = invitations.create(alice.pk, max_uses=1, days=1)
    page = Browser(bob).get(f"/invite/{invitation.code}")
    assert "You are a member already." in text_of(page)
    assert "Accept the invitation" not in text_of(page)


def test_application_is_sent_and_its_owner_is_not_signed_in(db):
    site.change_settings(registration="approval")
    assert errors_by_field(join()) == {"reason": "Tell the moderators why you want to join."}
    response = join(reason="Lighthouses.")
    assert response.headers["Location"] == "/join?sent"
    assert configured.WEB_SESSION_COOKIE not in response.cookies
    assert Application.objects.get().reason == "Lighthouses."
    assert "within 30 days" in text_of(Browser().get("/join?sent"))
    signed_in = Browser().post("/login", {"login": "dora", "password": PASSWORD})
    assert (signed_in.status_code, "has yet to decide" in text_of(signed_in)) == (403, True)
    Application.objects.update(status="rejected", decided_at=timezone.now(), note="Only keepers.")
    assert "Reason: Only keepers." in text_of(Browser().post("/login", {"login": "dora", "password": PASSWORD}))


def test_join_form_that_is_sent_twice_leads_to_the_same_account(db):
    """Without JavaScript a second press replaces the first request, whose cookie is lost."""
    key = PlainBrowser().open("/join").forms[0].values["key"]
    browsers = [Browser(), Browser()]
    answers = [browser.post("/join", DORA | {"key": key}) for browser in browsers]
    assert {answer.headers["Location"] for answer in answers} == {"/"}
    assert User.objects.get().handle == "dora"
    page = browsers[1].get("/")
    assert page.context["member"]["handle"] == "dora"
    assert "We have sent a mail" in text_of(page)
    # The key alone opens nothing, and other fields are another account.
    stranger = join(key=key, password=PASSWORD + "?")
    assert (stranger.status_code, configured.WEB_SESSION_COOKIE in stranger.cookies) == (401, False)
    assert join(key=key, handle="emil", email="emil@example.org").headers["Location"] == "/"
    assert User.objects.count() == 2
    site.change_settings(registration="approval")
    application = {"handle": "fred", "email": "fred@example.org", "reason": "Lighthouses."}
    assert [join(key=key, **application).headers["Location"] for _ in range(2)] == ["/join?sent"] * 2


@pytest.mark.django_db(transaction=True)
def test_join_forms_that_are_sent_at_once_lead_to_the_same_account():
    form = DORA | {"key": "k" * 32}
    answers = in_threads(2, lambda: Browser().post("/join", form))
    assert [answer.headers.get("Location") for answer in answers] == ["/", "/"]
    assert all(configured.WEB_SESSION_COOKIE in answer.cookies for answer in answers)
    assert User.objects.count() == 1


def test_form_of_an_application_disappears_with_an_invitation(alice):
    site.change_settings(registration="approval")
    invitation = invitations.create(alice.pk, max_uses=1, days=1)
    assert 'name="reason"' in Browser().get("/join").text
    page = Browser().get(f"/join?invitation={invitation.code}")
    assert 'name="reason"' not in page.text
    assert f'value="{invitation.code}"' in page.text
    assert join(invitation=invitation.code).headers["Location"] == "/"
    # A code that was deleted from the field.
    answer = join(handle="emil", email="emil@example.org", invitation="")
    assert list(errors_by_field(answer)) == ["reason"]


def test_date_of_birth_is_asked_for_with_a_minimum_age(db):
    assert 'name="date_of_birth"' not in Browser().get("/join").text
    site.change_settings(minimum_age=16)
    assert 'name="date_of_birth"' in Browser().get("/join").text
    assert errors_by_field(join(date_of_birth="")) == {"date_of_birth": "Give your date of birth."}
    young = (timezone.now() - dt.timedelta(days=5000)).date().isoformat()
    assert errors_by_field(join(date_of_birth=young)) == {"date_of_birth": "You are not old enough to join."}
    assert join(date_of_birth="1980-02-29").headers["Location"] == "/"
    assert User.objects.get().of_age_at


def test_proof_of_work_needs_javascript_and_the_page_says_so(easy):  # noqa: F811
    page = Browser().get("/join")
    assert "turn on JavaScript" in page.text
    assert 'data-challenge="/web/sign-up-challenge"' in page.text
    refused = join(proof_of_work="")
    assert (refused.status_code, "security check" in text_of(refused)) == (422, True)
    assert join(proof_of_work=solve()).headers["Location"] == "/"
    site.change_settings(proof_of_work=False)
    assert "turn on JavaScript" not in Browser().get("/join").text


def test_member_makes_and_revokes_invitations(alice, bob):
    site.change_settings(invitations_per_member=2)
    browser = PlainBrowser(alice)
    browser.open("/settings/invitations")
    page = browser.press("Create an invitation", max_uses="2", days="30")
    invitation = Invitation.objects.get()
    assert invitation.max_uses == 2
    assert invitation.expires_at > timezone.now() + dt.timedelta(days=29)
    assert f"/invite/{invitation.code}" in page.text
    assert "You cannot invite more people" in page.text
    browser.press("Revoke the invitation")
    invitation.refresh_from_db()
    assert invitation.revoked_at
    for max_uses, status in (("3", 409), ("x", 400), ("0", 400)):
        response = Browser(alice).post("/settings/invitations", {"max_uses": max_uses, "days": "7"})
        assert (response.status_code, list(errors_by_field(response))) == (status, ["max_uses"])
    assert f"/invite/{invitation.code}" not in Browser(bob).get("/settings/invitations").text
    site.change_settings(registration="closed")
    assert "does not accept new members" in text_of(Browser(alice).get("/settings/invitations"))


def test_invitation_form_that_is_sent_twice_makes_one_invitation(alice):
    form = {"max_uses": "1", "days": "7", "key": "k" * 32}
    assert [Browser(alice).post("/settings/invitations", form).status_code for _ in range(2)] == [302, 302]
    assert Invitation.objects.count() == 1
    refused = Browser(alice).post("/settings/invitations", {"max_uses": "1", "days": "x"})
    assert (refused.status_code, 'id="days-error"' in refused.text) == (400, True)


def test_suspended_members_invite_nobody(alice):
    invitation = invitations.create(alice.pk, max_uses=1, days=1)
    accounts.suspend(alice, reason="spam")
    assert Browser().get(f"/invite/{invitation.code}").status_code == 404


def test_work_of_a_browser_takes_seconds_not_minutes():
    assert proof_of_work.ITERATIONS * proof_of_work.MOST_TRIES <= 3_000_000
