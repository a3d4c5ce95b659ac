"""New accounts post, comment and follow only so often a day; old ones are not asked about."""

from datetime import UTC, datetime, timedelta
from importlib import import_module

import pytest
import time_machine
from django.db import connection
from django.urls import reverse

from apps.core import cache, timed_cache
from apps.core.db.ids import first_id_at, moment_of
from apps.core.errors import DomainError
from apps.moderation import safety
from apps.moderation.models import StaffAct
from apps.safety import newcomers, services
from apps.safety.models import NewAccountLimit
from apps.social.models import Follow
from tests.api.test_budgets import statements
from tests.factories import MediaFactory, PostFactory, UserFactory
from tests.moderation.people import make_moderator
from tests.safety.console import browser

pytestmark = pytest.mark.django_db


@pytest.fixture
def limited(senior, settings):
    """Two of each a day, for accounts younger than two days."""
    settings.RATE_LIMITS_ENABLED = True
    for limit in NewAccountLimit.objects.all():
        safety.set_limit(limit, most=2, hours=48, enabled=True, by=senior, reason="A wave of spam.")


def old(handle, days=30):
    return UserFactory(handle=handle, id=first_id_at(datetime.now(UTC) - timedelta(days=days)))


def perform(api, who, what, author):
    client = api(who)
    match what:
        case "post":
            return client.post("/posts", {"media_ids": [str(MediaFactory(owner=who).pk)]})
        case "comment":
            return client.post(f"/posts/{PostFactory(author=author).pk}/comments", {"text": "Low tide"})
        case "request":
            return client.post(f"/users/{UserFactory(is_private=True).pk}/follow")
    return client.post(f"/users/{UserFactory().pk}/follow")


DEEDS = ["post", "comment", "follow", "request"]


@pytest.mark.parametrize("what", DEEDS)
def test_new_account_reaches_the_limit(api, alice, carol, limited, what):
    assert [perform(api, carol, what, alice).status_code for _ in range(2)] in ([200, 200], [201, 201])
    answer = perform(api, carol, what, alice)
    assert (answer.status_code, answer.json()["code"]) == (429, "new_account_limit")
    assert 0 < int(answer.headers["Retry-After"]) <= 24 * 3600
    assert perform(api, alice, what, carol).status_code in {200, 201}


@pytest.mark.parametrize("what", DEEDS)
def test_old_account_has_no_limit(api, alice, limited, what):
    dora = old("dora")
    assert all(perform(api, dora, what, alice).status_code in {200, 201} for _ in range(4))


def test_action_without_effect_is_not_counted(api, alice, carol, limited):
    for _ in range(4):
        assert api(carol).post(f"/users/{alice.pk}/follow").status_code == 200
    assert perform(api, carol, "follow", alice).status_code == 200
    assert Follow.objects.filter(follower=carol).count() == 2


def test_refused_action_writes_nothing(api, alice, carol, limited):
    for _ in range(5):
        perform(api, carol, "follow", alice)
    carol.refresh_from_db()
    assert Follow.objects.filter(follower=carol).count() == carol.following_count == 2


@pytest.mark.parametrize(
    ("hours", "refused_after"),
    # Until the next of its days; until it is old enough.
    [(48, 24 * 3600), (12, 12 * 3600)],
)
def test_day_begins_at_the_time_of_sign_up(carol, senior, settings, hours, refused_after):
    settings.RATE_LIMITS_ENABLED = True
    follows = NewAccountLimit.objects.get(action="follow")
    safety.set_limit(follows, most=1, hours=hours, enabled=True, by=senior, reason="x")
    begun = moment_of(carol.pk)
    with time_machine.travel(begun + timedelta(hours=1), tick=False):
        newcomers.spend("follow", carol.pk)
        with pytest.raises(newcomers.NewAccountLimitReached) as refused:
            newcomers.spend("follow", carol.pk)
    assert abs(int(refused.value.headers["Retry-After"]) - (refused_after - 3600)) <= 1
    with time_machine.travel(begun + timedelta(seconds=refused_after + 1), tick=False):
        newcomers.spend("follow", carol.pk)


def test_actions_are_counted_in_the_database_without_redis(carol, limited, monkeypatch):
    def absent(command):
        raise cache.RedisUnavailable

    monkeypatch.setattr(cache, "call", absent)
    newcomers.spend("follow", carol.pk)
    newcomers.spend("follow", carol.pk)
    with pytest.raises(newcomers.NewAccountLimitReached):
        newcomers.spend("follow", carol.pk)


@pytest.mark.parametrize("new", [True, False])
def test_count_of_an_old_account_runs_no_query(carol, limited, new):
    who = carol if new else old("dora")
    newcomers.in_force.get()
    with statements() as asked:
        newcomers.spend("follow", who.pk)
    assert asked == []


def test_default_limits_exist_after_migrate():
    assert newcomers.in_force.get() == {"post": (20, 24), "comment": (60, 24), "follow": (100, 24)}


def test_changed_limit_survives_migrate(senior):
    safety.set_limit(NewAccountLimit.objects.get(action="post"), most=3, hours=5, enabled=False, by=senior, reason="x")
    services.ensure_limits()
    row = NewAccountLimit.objects.get(action="post")
    assert (row.most, row.hours, row.enabled) == (3, 5, False)
    assert "post" not in newcomers.in_force.get()


def test_previous_release_uses_the_former_column_of_a_limit():
    with connection.cursor() as cursor:
        cursor.execute("UPDATE safety_newaccountlimit SET most = 7 WHERE deed = 'post'")
        cursor.execute("SELECT deed, most FROM safety_newaccountlimit WHERE deed = 'post'")
        assert cursor.fetchall() == [("post", 7)]


def test_rename_of_the_column_can_be_reversed():
    migration = import_module("apps.safety.migrations.0003_new_account_limit_action")
    with connection.cursor() as cursor:
        cursor.execute(migration.UNDO)
        cursor.execute("SELECT count(*) FROM safety_newaccountlimit WHERE deed IN ('post', 'comment', 'follow')")
        assert cursor.fetchone() == (3,)
        cursor.execute(migration.RENAME)


def test_change_applies_in_other_processes_after_some_seconds(monkeypatch):
    newcomers.in_force.get()
    NewAccountLimit.objects.filter(action="post").update(most=1)
    assert newcomers.in_force.get()["post"] == (20, 24)
    monkeypatch.setattr(timed_cache, "SECONDS", 0)
    assert newcomers.in_force.get()["post"] == (1, 24)


class TestVerb:
    def test_change_is_recorded_with_the_old_and_new_values(self, senior):
        limit = NewAccountLimit.objects.get(action="post")
        assert safety.set_limit(limit, most=7, hours=24, enabled=True, by=senior, reason="A wave.")
        assert not safety.set_limit(limit, most=7, hours=24, enabled=True, by=senior, reason="Again.")
        act = StaffAct.objects.get()
        assert (act.act, act.subject_id, act.reason) == ("set_new_account_limit", "post", "A wave.")
        assert act.detail == {"most": [20, 7]}

    @pytest.mark.parametrize(
        ("role", "most", "hours", "reason", "code"),
        [
            ("moderator", 1, 1, "x", "senior_moderator_required"),
            ("admin", 1, 1, "", "validation_error"),
            ("admin", -1, 1, "x", "validation_error"),
            ("admin", 100_001, 1, "x", "validation_error"),
            ("admin", 1, 0, "x", "validation_error"),
            ("admin", 1, 24 * 365 + 1, "x", "validation_error"),
        ],
    )
    def test_invalid_change_is_refused(self, role, most, hours, reason, code):
        limit = NewAccountLimit.objects.get(action="post")
        with pytest.raises(DomainError) as refused:
            safety.set_limit(
                limit, most=most, hours=hours, enabled=True, by=make_moderator("staff", role), reason=reason
            )
        assert refused.value.code == code
        limit.refresh_from_db()
        assert (limit.most, limit.hours) == (20, 24)
        assert not StaffAct.objects.exists()


class TestConsole:
    SET = "admin:safety_newaccountlimit_change_limit"
    SAID = {"most": "5", "hours": "12", "enabled": "on", "reason": "A wave."}

    def url(self):
        return reverse(self.SET, args=["follow"])

    def test_limit_is_changed(self, senior):
        client = browser(senior)
        detail = client.get(reverse("admin:safety_newaccountlimit_change", args=["follow"])).content.decode()
        assert self.url() in detail
        assert 'value="100"' in client.get(self.url()).content.decode()
        assert client.post(self.url(), self.SAID).status_code == 302
        row = NewAccountLimit.objects.get(action="follow")
        assert (row.most, row.hours, row.enabled) == (5, 12, True)
        client.post(self.url(), {k: v for k, v in self.SAID.items() if k != "enabled"})
        assert not NewAccountLimit.objects.get(action="follow").enabled

    @pytest.mark.parametrize("missing", ["most", "hours", "reason"])
    def test_incomplete_form_changes_nothing(self, senior, missing):
        answer = browser(senior).post(self.url(), {k: v for k, v in self.SAID.items() if k != missing})
        assert answer.status_code == 400
        assert NewAccountLimit.objects.get(action="follow").most == 100

    def test_other_users_cannot_change_limits(self, mod, alice):
        for person in (mod, alice):
            browser(person).post(self.url(), self.SAID)
        assert NewAccountLimit.objects.get(action="follow").most == 100
        assert not StaffAct.objects.exists()
