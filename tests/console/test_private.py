"""Private data of users: masked, shown for a reason, and recorded."""

import pytest
from django.test import Client
from django.urls import reverse

from apps.accounts import security
from apps.accounts import services as accounts
from apps.accounts.devices import masked_address
from apps.accounts.models import SecurityEvent
from apps.moderation import permissions, roles
from apps.moderation.models import StaffAct
from tests.console.codes import sign_in
from tests.factories import UserFactory
from tests.moderation.people import make_moderator

pytestmark = pytest.mark.django_db
ADDRESS, MAIL = "203.0.113.7", "alice@example.org"


@pytest.fixture
def senior(db):
    return make_moderator("senior", "senior_moderator")


@pytest.fixture
def session(alice):
    return accounts.open_session(alice, device_name="Alice's phone", address=ADDRESS, user_agent="Photogram/9")


def private(person):
    return reverse("admin:accounts_user_private", args=[person.pk])


@pytest.mark.parametrize(
    ("full", "masked"),
    [
        ("alice@example.org", "a***@e***.org"),
        ("a@b.co.uk", "a***@b***.uk"),
        ("root@localhost", "r***@***"),
    ],
)
def test_email_address_is_masked(full, masked):
    assert permissions.masked_email(full) == masked


@pytest.mark.parametrize(
    ("full", "masked"),
    [
        (ADDRESS, "203.0.113.***"),
        ("2001:db8:1:2:3::4", "2001:db8:1::/48"),
        (None, ""),
    ],
)
def test_ip_address_is_shortened_to_its_network(full, masked):
    assert masked_address(full) == masked


def test_pages_of_a_person_show_no_address_without_a_reason(senior, mod, alice, session):
    for person in (mod, senior):
        browser = sign_in(person)
        for path in (
            reverse("admin:accounts_user_changelist"),
            reverse("admin:accounts_user_change", args=[alice.pk]),
            reverse("admin:accounts_session_changelist"),
            reverse("admin:accounts_session_change", args=[session.pk]),
            private(alice),
        ):
            page = browser.get(path).text
            assert MAIL not in page, path
            assert ADDRESS not in page, path
            assert "Photogram/9" not in page, path


def test_email_address_is_shown_once_for_a_reason(senior, alice):
    browser = sign_in(senior)
    page = browser.post(private(alice), {"show": "email", "reason": "To ask the person back."})
    assert MAIL in page.text
    assert "no-store" in page.headers["Cache-Control"]
    assert MAIL not in browser.get(private(alice)).text
    act = StaffAct.objects.get()
    assert (act.act, act.actor, act.subject_id, act.reason) == (
        "read_email",
        senior,
        str(alice.pk),
        "To ask the person back.",
    )


def test_sessions_are_shown_with_addresses_for_a_reason(senior, alice, session):
    page = sign_in(senior).post(private(alice), {"show": "sessions", "reason": "A stolen account."})
    assert ADDRESS in page.text
    assert "Alice&#x27;s phone" in page.text
    assert MAIL not in page.text
    act = StaffAct.objects.get()
    assert (act.act, act.detail) == ("read_sessions", {"sessions": 1})


@pytest.mark.parametrize("reason", ["", "  "])
def test_private_data_is_hidden_without_a_reason(senior, alice, session, reason):
    browser = sign_in(senior)
    for what in ("email", "sessions"):
        page = browser.post(private(alice), {"show": what, "reason": reason})
        assert "Give a reason" in page.text
        assert MAIL not in page.text
        assert ADDRESS not in page.text
    assert not StaffAct.objects.exists()


def events_of(person):
    return reverse("admin:accounts_user_security_events", args=[person.pk])


def test_security_events_are_shown_newest_first_for_a_reason(senior, alice, bob, session):
    security.record(alice, SecurityEvent.Kind.PASSWORD_CHANGED, session=session)
    security.record(alice, SecurityEvent.Kind.PASSKEY_ADDED, session=session, detail="<b>Blue key</b>")
    security.record(bob, SecurityEvent.Kind.TWO_FACTOR_ADDED)
    browser = sign_in(senior)
    for link in (
        reverse("admin:accounts_user_change", args=[alice.pk]),
        f"/admin/moderation/moderationaction/person/{alice.pk}/",
    ):
        assert f'href="{events_of(alice)}"' in browser.get(link).text
    assert "Password Changed" not in browser.get(events_of(alice)).text
    assert not StaffAct.objects.exists()
    page = browser.post(events_of(alice), {"reason": "A stolen account."})
    assert "no-store" in page.headers["Cache-Control"]
    assert 0 < page.text.index("Passkey Added") < page.text.index("Password Changed")
    for text in ("&lt;b&gt;Blue key&lt;/b&gt;", "Alice&#x27;s phone", "203.0.113.***"):
        assert text in page.text
    for text in (ADDRESS, MAIL, "Two Factor Added"):
        assert text not in page.text
    act = StaffAct.objects.get()
    assert (act.act, act.actor, act.subject_id, act.reason, act.detail) == (
        "read_security_events",
        senior,
        str(alice.pk),
        "A stolen account.",
        {"events": 2},
    )


@pytest.mark.parametrize("reason", ["", "  "])
def test_security_events_are_hidden_without_a_reason(senior, alice, reason):
    security.record(alice, SecurityEvent.Kind.PASSWORD_CHANGED)
    page = sign_in(senior).post(events_of(alice), {"reason": reason})
    assert "Give a reason" in page.text
    assert "Password Changed" not in page.text
    assert not StaffAct.objects.exists()


@pytest.mark.promise("P7")
def test_security_events_of_staff_are_for_a_higher_rank(senior, mod):
    peer = make_moderator("peer", "senior_moderator")
    answers = {
        person.handle: sign_in(senior).post(events_of(person), {"reason": "x"}).status_code for person in (peer, mod)
    }
    assert answers == {"peer": 403, "mod": 200}
    assert sign_in(mod).get(events_of(UserFactory())).status_code == 403


def test_opening_a_session_is_recorded(senior, session):
    page = sign_in(senior).get(reverse("admin:accounts_session_change", args=[session.pk]))
    assert "203.0.113.***" in page.text
    act = StaffAct.objects.get()
    assert (act.act, act.actor, act.detail) == ("read_sessions", senior, {"session": str(session.pk), "masked": True})


@pytest.mark.promise("P7")
def test_private_data_of_admins_is_shown_to_admins_only(senior):
    root = UserFactory(handle="root", is_staff=True, is_superuser=True)
    opened = accounts.open_session(root)
    browser = sign_in(senior)
    assert browser.post(private(root), {"show": "email", "reason": "Because."}).status_code == 403
    assert browser.get(reverse("admin:accounts_session_change", args=[opened.pk])).status_code == 403
    assert not StaffAct.objects.exists()


@pytest.mark.promise("P7")
@pytest.mark.parametrize("whose", ["moderator", "senior_moderator", "admin"])
@pytest.mark.parametrize("rank", ["senior_moderator", "admin"])
def test_private_data_of_staff_are_for_a_higher_rank(rank, whose):
    person, by = make_moderator("person", whose), make_moderator("reader", rank)
    opened, browser = accounts.open_session(person), sign_in(by)
    expected = 200 if roles.RANKS.index(rank) > roles.RANKS.index(whose) else 403
    for what in ("email", "sessions"):
        assert browser.post(private(person), {"show": what, "reason": "Because."}).status_code == expected
    assert browser.get(reverse("admin:accounts_session_change", args=[opened.pk])).status_code == expected
    assert StaffAct.objects.exists() is (expected == 200)


def test_own_private_data_can_be_read(senior):
    assert "senior@example.org" in sign_in(senior).post(private(senior), {"show": "email", "reason": "Because."}).text


@pytest.mark.promise("P7")
def test_search_by_email_needs_the_right_to_see_addresses(mod, senior, alice):
    for path in (reverse("admin:accounts_user_changelist"), reverse("admin:content_post_changelist")):
        assert "@alice" not in sign_in(mod).get(path, {"q": MAIL}).text
    assert str(alice.pk) in sign_in(senior).get(reverse("admin:accounts_user_changelist"), {"q": MAIL}).text


@pytest.mark.promise("P7")
@pytest.mark.parametrize(
    "lookup", ["email__startswith", "password__startswith", "email", "avatar__private_secret__gt", "groups__name"]
)
def test_query_string_cannot_filter_by_private_columns(mod, alice, lookup):
    assert sign_in(mod).get(reverse("admin:accounts_user_changelist"), {lookup: "a"}).status_code == 400


def test_private_page_of_unknown_user_is_not_found(senior, alice):
    assert Client().post(private(alice), {"show": "email", "reason": "x"}).status_code == 302
    path = private(alice)
    alice.delete()
    assert sign_in(senior).get(path).status_code == 404
