"""A sign-in to the console is a session: listed, revoked, and ended like those of the API."""

import datetime as dt
import re

import pytest
import time_machine
from django.contrib.auth.models import Group
from django.core import mail
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from apps.accounts import changes, mails, services
from apps.accounts.models import EmailChange, SecurityEvent, Session, User
from apps.moderation import permissions, roles
from tests.conftest import Caller
from tests.console.codes import code_of, enrol, sign_in
from tests.factories import PASSWORD
from tests.moderation.people import make_moderator

pytestmark = pytest.mark.django_db
INDEX = reverse("admin:index")
NEW = "quite another phrase"


@pytest.fixture
def caller(mod):
    return Caller(mod)


@pytest.fixture
def browser(mod):
    return sign_in(mod)


def console_session():
    return Session.objects.get(kind="console")


def opens(browser):
    """Whether the cookie still opens the console."""
    return browser.get(INDEX).status_code == 200


def is_live(caller):
    return caller.get("/auth/me").status_code == 200


def reload(user):
    return User.objects.get(pk=user.pk)


# ── The ways to end ──────────────────────────────────────────────────────────────────────────────────────
def revoke_each(mod, browser):
    here = Caller(mod)
    for session in Session.objects.owned_by(mod.pk).exclude(pk=here.login.pk):
        assert here.post("/auth/revoke", {"session_id": str(session.pk)}).status_code == 204


def revoke_all(mod, browser):
    assert Caller(mod).post("/auth/revoke", {"all": True}).status_code == 204


def suspend(mod, browser):
    services.suspend(mod, reason="spam")


def leave(mod, browser):
    assert Caller(mod).delete("/users/me", {"password": PASSWORD}).status_code == 202


def deactivate(mod, browser):
    services.deactivate(mod, password=PASSWORD)


def erase(mod, browser):
    services.erase_now(mod)


def change_password(mod, browser):
    body = {"current_password": PASSWORD, "new_password": NEW}
    assert Caller(mod).post("/auth/password", body).status_code == 204


def change_password_in_the_console(mod, browser):
    other = sign_in(mod)
    body = {"old_password": PASSWORD, "new_password1": NEW, "new_password2": NEW}
    assert other.post(reverse("admin:password_change"), body).status_code == 302
    assert opens(other)


def reset_password(mod, browser):
    mails.send_reset(mod.email, reference="1")
    token = re.search(r"token=([\w-]+)", mail.outbox[-1].body)[1]
    services.reset_password(token=token, new=NEW)


def revert_email(mod, browser):
    User.objects.filter(pk=mod.pk).update(email_verified_at=timezone.now())
    changes.change_email(mod, email="new@example.org", password=PASSWORD)
    change = EmailChange.objects.get()
    mails.send_email_change(change.pk, reference="1")
    changes.confirm_email_change(re.search(r"token=([\w-]+)", mail.outbox[-1].body)[1])
    mails.send_security_mail(SecurityEvent.objects.get(kind="email_changed").pk, reference="2")
    changes.revert_email_change(re.search(r"token=([\w-]+)", mail.outbox[-1].body)[1], new_password=NEW)


def sign_out(mod, browser):
    browser.post(reverse("admin:logout"))


def dismiss(mod, browser):
    assert roles.dismiss(mod)


def leave_the_group(mod, browser):
    mod.groups.clear()


def empty_the_group(mod, browser):
    Group.objects.get(name="moderator").user_set.clear()


def lose_the_staff_flag(mod, browser):
    User.objects.filter(pk=mod.pk).update(is_staff=False)
    assert not opens(browser)


def reset_two_factor(mod, browser):
    enrol(mod)
    permissions.reset_two_factor(mod, by=make_moderator("root", "admin"), reason="Lost.")


# event: (whether it ends the API token, the recorded reason). Each ends the console session.
EVENTS = {
    revoke_each: (True, "revoked"),
    revoke_all: (True, "revoked"),
    suspend: (True, "suspended"),
    leave: (True, "leaving"),
    deactivate: (True, "deactivated"),
    erase: (True, "erased"),
    change_password: (True, "password_changed"),
    change_password_in_the_console: (True, "password_changed"),
    reset_password: (True, "password_reset"),
    revert_email: (True, "email_reverted"),
    sign_out: (False, "signed_out"),
    dismiss: (False, "dismissed"),
    leave_the_group: (False, "dismissed"),
    empty_the_group: (False, "dismissed"),
    lose_the_staff_flag: (False, "signed_out"),
    reset_two_factor: (False, "two_factor_reset"),
}


# The former groups, the change, and whether the console session ends.
@pytest.mark.parametrize(
    ("groups", "change", "ends"),
    [
        (["moderator", "guests"], lambda user, guests: user.groups.remove(guests), False),
        (["moderator", "guests"], lambda user, guests: guests.user_set.clear(), False),
        (["moderator"], lambda user, guests: guests.user_set.remove(user), False),
        (["moderator", "admin"], lambda user, guests: user.groups.remove(named("moderator")), False),
        (["moderator", "admin"], lambda user, guests: named("moderator").user_set.clear(), False),
        (["moderator", "admin"], lambda user, guests: user.groups.remove(named("admin")), True),
        (["moderator", "admin"], lambda user, guests: named("admin").user_set.remove(user), True),
        (["moderator", "guests"], lambda user, guests: user.groups.clear(), True),
        (["moderator", "guests"], lambda user, guests: user.groups.set([guests]), True),
    ],
)
def test_only_a_lower_rank_ends_the_console_session(mod, groups, change, ends):
    guests = Group.objects.create(name="guests")
    mod.groups.set(Group.objects.filter(name__in=groups))
    browser = sign_in(mod)
    change(mod, guests)
    assert opens(browser) is not ends


def named(group):
    return Group.objects.get(name=group)


def test_api_shows_a_lost_rank_at_once_also_if_the_highest_is_kept(mod, caller):
    mod.groups.set([named("moderator"), named("admin")])
    assert set(caller.get("/auth/me").json()["roles"]) == {"moderator", "admin"}
    mod.groups.remove(named("moderator"))
    assert caller.get("/auth/me").json()["roles"] == ["admin"]


@pytest.mark.parametrize("as_another_user", [False, True])
def test_signing_in_again_ends_the_former_session_of_the_browser(mod, browser, as_another_user):
    former = console_session()
    elsewhere = sign_in(mod)
    sign_in(make_moderator("other") if as_another_user else mod, client=browser)
    assert opens(browser)
    assert opens(elsewhere)
    former.refresh_from_db()
    assert (former.ended_at is not None, former.end_reason) == (True, "signed_out")
    assert Session.objects.filter(kind="console", ended_at=None).count() == 2


def test_failed_sign_in_keeps_the_former_session_of_the_browser(browser):
    browser.post(reverse("admin:login"), {"username": "mod", "password": "wrong"})
    assert opens(browser)


def undo(mod):
    """Make the account again what it was, so that only the end of the session counts."""
    User.objects.filter(pk=mod.pk).update(state="active", erase_after=None, is_staff=True, password=mod.password)
    mod.groups.add(Group.objects.get(name="moderator"))


@pytest.mark.promise("A1")
@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.__name__)
def test_event_ends_the_console_session_for_good_and_the_api_token_as_listed(mod, caller, browser, event):
    session, (ends_the_token, reason) = console_session(), EVENTS[event]
    assert opens(browser)
    event(mod, browser)
    session.refresh_from_db()
    assert (session.ended_at is not None, session.end_reason) == (True, reason)
    assert not opens(browser)
    assert is_live(caller) is not ends_the_token
    undo(mod)
    assert not opens(browser)
    assert sign_in(mod) is not None


def test_every_reason_is_in_the_table():
    in_the_api_only = {"token_reused"}
    assert {reason for _, reason in EVENTS.values()} == set(Session.EndReason.values) - in_the_api_only


@pytest.mark.parametrize(
    ("idle", "open_"), [(dt.timedelta(minutes=110), True), (dt.timedelta(hours=2, minutes=1), False)]
)
def test_console_session_ends_when_it_is_idle(mod, browser, idle, open_):
    with time_machine.travel(timezone.now() + idle):
        assert opens(browser) is open_


def test_console_session_in_use_ends_after_its_lifetime(browser):
    start = timezone.now()
    for hours in range(1, 12):
        with time_machine.travel(start + dt.timedelta(hours=hours)):
            assert opens(browser)
    with time_machine.travel(start + dt.timedelta(hours=12, minutes=1)):
        assert not opens(browser)


# ── What is shown of them ────────────────────────────────────────────────────────────────────────────────
def test_console_sessions_are_listed_with_their_kind(mod, alice, caller):
    sign_in(mod, client=Client(headers={"User-Agent": "Firefox"}))
    shown = caller.get("/auth/sessions").json()["results"]
    assert [(each["kind"], each["current"], each["user_agent"], each["ip"]) for each in shown] == [
        ("console", False, "Firefox", "127.0.0.1"),
        ("api", True, "", None),
    ]
    assert Caller(alice).post("/auth/revoke", {"session_id": shown[0]["id"]}).status_code == 404
    assert caller.post("/auth/revoke", {"session_id": shown[0]["id"]}).status_code == 204
    assert [each["kind"] for each in caller.get("/auth/sessions").json()["results"]] == ["api"]


def test_idle_console_session_is_not_listed(mod, browser):
    with time_machine.travel(timezone.now() + dt.timedelta(hours=3)):
        assert [each["kind"] for each in Caller(mod).get("/auth/sessions").json()["results"]] == ["api"]


def test_console_session_knows_its_second_factor(mod):
    device, _ = enrol(mod)
    sign_in(mod, code_of(device))
    assert console_session().two_factor


def test_cookie_without_a_session_opens_nothing(mod, browser):
    """A cookie of the release before console sessions were sessions, and one of another user."""
    foreign = services.open_console_session(make_moderator("other"), address=None, user_agent="", two_factor=False)
    for session_id in (None, "x", str(foreign.pk)):
        cookie = browser.session
        cookie["session_id"] = session_id or ""
        cookie.save()
        assert not opens(browser)
        browser = sign_in(mod)
