"""`manage.py create_moderator`."""

import re

import pytest
from django.core import mail

from apps.accounts.models import User
from tests.commands import run
from tests.conftest import Caller

pytestmark = pytest.mark.django_db


def sign_in(login, password):
    return Caller().post("/auth/token", {"login": login, "password": password})


@pytest.mark.parametrize(
    "whom", [["--handle", "alice"], ["--handle", "@Alice"], ["--email", "alice@example.org"]], ids=str
)
def test_account_is_moderator_from_the_next_request_on(alice, api, whom):
    caller = api(alice)
    assert caller.get("/moderation/flags").status_code == 403
    password = alice.password
    outcome = run("create_moderator", *whom)
    assert (outcome.code, outcome.out) == (0, "@alice is now moderator.\n")
    assert caller.get("/moderation/flags").status_code == 200
    alice = User.objects.get(pk=alice.pk)
    assert (alice.is_staff, alice.is_superuser, alice.password) == (True, False, password)
    assert alice.roles == {"moderator"}
    again = run("create_moderator", *whom, "--json").json
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
    told = run("create_moderator", "--handle", "maria", "--email", "maria@example.org", "--json").json
    assert (told["handle"], told["role"], told["new_account"], told["changed"]) == ("maria", "moderator", True, True)
    assert sign_in("maria", told["password"]).status_code == 200


def test_a_dry_run_changes_nothing(alice, deliver):
    assert run("create_moderator", "--handle", "alice", "--dry-run", "--json").json["changed"] is True
    told = run("create_moderator", "--handle", "maria", "--email", "maria@example.org", "--dry-run", "--json").json
    assert told["new_account"] is True
    assert "password" not in told
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
