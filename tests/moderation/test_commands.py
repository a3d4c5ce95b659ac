"""`manage.py create_moderator` and `dismiss_moderator`."""

import re

import pytest
from django.core import mail

from apps.accounts.models import User
from apps.moderation import roles
from apps.moderation.models import StaffAct
from tests.commands import run
from tests.conftest import Caller
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db


def sign_in(login, password):
    return Caller().post("/auth/token", {"login": login, "password": password})


@pytest.mark.parametrize(
    "account", [["--handle", "alice"], ["--handle", "@Alice"], ["--email", "alice@example.org"]], ids=str
)
def test_account_is_moderator_from_the_next_request_on(alice, api, account):
    caller = api(alice)
    assert caller.get("/moderation/flags").status_code == 403
    password = alice.password
    outcome = run("create_moderator", *account)
    assert (outcome.code, outcome.out) == (0, "@alice is now moderator.\n")
    assert caller.get("/moderation/flags").status_code == 200
    alice = User.objects.get(pk=alice.pk)
    assert (alice.is_staff, alice.is_superuser, alice.password) == (True, False, password)
    assert alice.roles == {"moderator"}
    again = run("create_moderator", *account, "--json").json
    assert (again["changed"], again["new_account"]) == (False, False)


def test_account_becomes_admin(alice):
    assert run("create_moderator", "--handle", "alice", "--admin").out == "@alice is now admin.\n"
    assert User.objects.get(pk=alice.pk).roles == {"admin"}


def test_new_account_gets_a_password_shown_once(deliver):
    outcome = run("create_moderator", "--handle", "maria", "--email", "Maria@example.org")
    assert outcome.code == 0
    password = re.search(r"\(shown only once\): (\S{20})\n", outcome.out)
    assert password
    assert sign_in("maria", password[1]).status_code == 200
    assert User.objects.get(handle="maria").roles == {"moderator"}
    deliver()
    assert mail.outbox[0].to == ["maria@example.org"]
    assert password[1] not in mail.outbox[0].body
    assert "password" not in run("create_moderator", "--handle", "maria", "--json").json


def test_command_prints_json(db):
    outcome = run("create_moderator", "--handle", "maria", "--email", "maria@example.org", "--json").json
    assert (outcome["handle"], outcome["role"], outcome["new_account"], outcome["changed"]) == (
        "maria",
        "moderator",
        True,
        True,
    )
    assert sign_in("maria", outcome["password"]).status_code == 200


def test_a_dry_run_changes_nothing(alice, deliver):
    assert run("create_moderator", "--handle", "alice", "--dry-run", "--json").json["changed"] is True
    outcome = run("create_moderator", "--handle", "maria", "--email", "maria@example.org", "--dry-run", "--json").json
    assert outcome["new_account"] is True
    assert "password" not in outcome
    assert list(User.objects.values_list("handle", "is_staff")) == [("alice", False)]
    assert deliver() == []


@pytest.mark.parametrize("state", ["suspended", "leaving", "erased"])
def test_inactive_account_gets_no_role(alice, state):
    User.objects.filter(pk=alice.pk).update(state=state)
    outcome = run("create_moderator", "--handle", "alice")
    assert (outcome.code, outcome.err) == (1, f"@alice is {state}.")
    alice = User.objects.get(pk=alice.pk)
    assert (alice.is_staff, alice.roles) == (False, frozenset())


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ([], "Give --handle or --email"),
        (["--handle", "nobody"], "There is no such account"),
        (["--email", "nobody@example.org"], "There is no such account"),
        (["--handle", "alice", "--email", "bob@example.org"], "@alice has another e-mail address."),
        (["--handle", "maria", "--email", "alice@example.org"], "There is an account with that e-mail address."),
        (["--handle", "a b", "--email", "ab@example.org"], "handle: "),
    ],
    ids=str,
)
def test_invalid_options_are_explained(alice, options, said):
    outcome = run("create_moderator", *options)
    assert outcome.code == 1
    assert said in outcome.err
    assert User.objects.count() == 1


# ── dismiss_moderator ────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize("rank", [*roles.RANKS, "superuser"])
def test_dismissed_staff_moderate_no_more(rank, api):
    person = UserFactory(handle="person", is_staff=True, is_superuser=rank == "superuser")
    if rank != "superuser":
        roles.appoint(person, rank)
    caller = api(person)
    assert caller.get("/moderation/flags").status_code == 200
    dry = run("dismiss_moderator", "person", "--reason", "Has left.", "--dry-run")
    assert (dry.code, caller.get("/moderation/flags").status_code) == (0, 200)
    outcome = run("dismiss_moderator", "@person", "--reason", "Has left.")
    assert outcome.out == "@person has no role any more.\n"
    assert caller.get("/moderation/flags").json()["code"] == "moderator_required"
    assert caller.get("/auth/me").json()["roles"] == []
    act = StaffAct.objects.get()
    assert (act.act, act.reason, act.subject_id, act.detail["operator"]) == (
        "dismiss",
        "Has left.",
        str(person.pk),
        True,
    )
    again = run("dismiss_moderator", "person", "--reason", "Has left.")
    assert (again.code, again.err) == (1, "This account has no role.")


def test_dismissal_needs_a_reason(mod):
    assert run("dismiss_moderator", "mod", "--reason", " ").code == 1
    assert User.objects.get().roles == {"moderator"}
