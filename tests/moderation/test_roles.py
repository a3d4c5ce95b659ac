"""Roles are groups that a migration creates; `migrate` adds their view permissions."""

from importlib import import_module

import pytest
from django.apps import apps
from django.contrib.auth.models import Group, Permission

from apps.accounts.models import User
from apps.moderation import roles

pytestmark = pytest.mark.django_db


def test_groups_exist_with_view_permissions_only():
    for name in roles.RANKS:
        held = Group.objects.get(name=name).permissions.values_list("codename", flat=True)
        assert {"view_flag", "view_post", "view_user"} <= set(held)
        assert {codename.split("_")[0] for codename in held} == {"view"}


def test_admin_sees_erasures_and_exports():
    held = Group.objects.get(name="admin").permissions.values_list("codename", flat=True)
    assert {"view_erasure", "view_dataexport"} <= set(held)


def test_migration_creates_groups_before_permissions_exist():
    Permission.objects.all().delete()
    Group.objects.all().delete()
    for _ in range(2):
        import_module("apps.moderation.migrations.0003_roles").make_groups(apps, None)
        import_module("apps.moderation.migrations.0009_senior_moderators").make_group(apps, None)
    assert set(Group.objects.values_list("name", flat=True)) == set(roles.RANKS)


def test_other_permissions_of_a_group_are_kept():
    group = Group.objects.get(name="moderator")
    before = group.permissions.count()
    group.permissions.add(Permission.objects.get(codename="view_group"))
    roles.ensure()
    assert group.permissions.count() == before + 1


@pytest.mark.parametrize(("rank", "may"), [("moderator", False), ("senior_moderator", True), ("admin", True)])
def test_rules_are_changed_by_senior_moderators_and_admins(alice, rank, may):
    assert roles.appoint(alice, rank)
    assert not roles.appoint(alice, rank)
    alice = User.objects.get(pk=alice.pk)
    assert roles.may_change_rules(alice) is may
    if not may:
        with pytest.raises(roles.SeniorModeratorRequired):
            roles.require_may_change_rules(alice)
    User.objects.filter(pk=alice.pk).update(state="suspended")
    assert not roles.may_change_rules(User.objects.get(pk=alice.pk))


def test_api_shows_senior_moderator_as_moderator(alice, api):
    roles.appoint(alice, "senior_moderator")
    caller = api(alice)
    for _ in range(2):  # from the database, then from the session's record
        me = caller.get("/auth/me")
        assert me.json()["roles"] == ["moderator"]
        assert caller.get("/moderation/flags").status_code == 200
