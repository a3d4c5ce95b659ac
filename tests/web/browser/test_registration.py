"""The proof of work in Chromium, and sharing an invitation."""

import re

import pytest
from playwright.sync_api import expect

from apps.accounts import invitations, proof_of_work
from apps.accounts.models import Invitation, User
from apps.site import services as settings
from tests.console.browser.axe import faults
from tests.factories import PASSWORD, UserFactory

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]


@pytest.fixture(autouse=True)
def _easy(monkeypatch):
    """The machine is busy with other tests."""
    monkeypatch.setattr(proof_of_work, "ITERATIONS", 10)
    monkeypatch.setattr(proof_of_work, "LEAST_TRIES", 10)
    monkeypatch.setattr(proof_of_work, "MOST_TRIES", 20)


def test_join_page_computes_the_proof_of_work(site):
    settings.change_settings(registration="invite", proof_of_work=True, minimum_age=16)
    code = invitations.create(UserFactory(handle="alice").pk, max_uses=1, days=1).code
    page = site.open(touch=True, scheme="dark")
    page.goto(f"/invite/{code}")
    assert faults(page) == []
    page.get_by_role("link", name="Accept the invitation").click()
    page.get_by_label("E-mail address").fill("dora@example.org")
    page.get_by_label("Handle").fill("dora")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_label("Date of birth").fill("1980-02-29")
    assert faults(page) == []
    page.get_by_role("button", name="Join").click()
    expect(page).to_have_url(re.compile(r"/$"))
    expect(page.get_by_text("Open the link in it to confirm your address.")).to_be_visible()
    # The requests of the page that opens must not meet the end of the test.
    page.wait_for_load_state("networkidle")
    assert User.objects.get(handle="dora").of_age_at
    assert Invitation.objects.get().uses == 1


def test_refused_form_gets_a_new_solution_and_an_invitation_is_copied(site):
    settings.change_settings(proof_of_work=True)
    alice = UserFactory(handle="alice")
    page = site.open()
    site.expected.append("409")
    page.goto("/join")
    page.get_by_label("E-mail address").fill("dora@example.org")
    page.get_by_label("Handle").fill("alice")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Join").click()
    expect(page.get_by_text("That handle is taken.")).to_be_visible()
    page.get_by_label("Handle").fill("dora")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Join").click()
    expect(page.get_by_text("Open the link in it to confirm your address.")).to_be_visible()
    page.wait_for_load_state("networkidle")
    page = site.open(alice, size={"width": 320, "height": 700}, permissions=["clipboard-read", "clipboard-write"])
    page.goto("/settings/invitations")
    page.get_by_role("button", name="Create an invitation").click()
    page.get_by_role("link", name=re.compile("Share the invitation")).click()
    expect(page.get_by_text("Link copied.")).to_be_visible()
    assert faults(page) == []
    page.wait_for_load_state("networkidle")
    width = page.evaluate("document.documentElement.scrollWidth")
    assert width <= 320
