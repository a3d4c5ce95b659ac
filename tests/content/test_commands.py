"""`manage.py repair_fields`."""

import pytest

from apps.accounts.models import User
from apps.media.models import Media
from tests.commands import interrupt, run
from tests.factories import MediaFactory, PostFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def wrong(alice):
    """One field of each kind that is wrong."""
    MediaFactory(owner=alice, in_use=True)
    avatar = MediaFactory(owner=alice, in_use=True)
    User.objects.filter(pk=alice.pk).update(avatar=avatar)
    PostFactory(author=alice, photos=1)
    PostFactory(author=alice, photos=0, caption="#light")
    PostFactory(author=alice, photos=0, marked_sensitive=True)


ONE_EACH = {
    "media.in_use": 1,
    "media.wanted_public": 1,
    "post.tags": 1,
    "post.sensitive": 1,
    "avatar.wanted_public": 1,
}


def test_wrong_fields_are_corrected_and_reported(wrong):
    outcome = run("repair_fields")
    assert outcome.code == 0
    assert "[] shown, ['light'] true" in outcome.out
    assert f"  {'avatar.wanted_public':<24} 1 wrong" in outcome.out
    assert run("repair_fields", "--json").json["wrong"] == dict.fromkeys(ONE_EACH, 0)


def test_dry_run_changes_nothing(wrong):
    for _ in range(2):
        assert run("repair_fields", "--dry-run", "--json").json["wrong"] == ONE_EACH


@pytest.mark.parametrize("field", ONE_EACH)
def test_single_field_can_be_repaired(wrong, field):
    assert run("repair_fields", "--field", field, "--json").json["wrong"] == {field: 1}
    left = run("repair_fields", "--dry-run", "--json").json["wrong"]
    assert left == ONE_EACH | {field: 0}


def test_interrupted_repair_reports_progress_and_can_be_continued(wrong, alice, monkeypatch, settings):
    lost = [medium.pk for medium in (MediaFactory(owner=alice, in_use=True) for _ in range(2))]
    settings.MAINTENANCE_ROWS_PER_SECOND = 1
    interrupt(monkeypatch)
    stopped = run("repair_fields", "--json")
    assert (stopped.code, stopped.json["stopped"], stopped.json["checked"]) == (130, True, 1)
    monkeypatch.undo()
    settings.MAINTENANCE_ROWS_PER_SECOND = 0
    assert run("repair_fields", "--json").json["wrong"]["media.in_use"] == 2
    assert not Media.objects.filter(pk__in=lost, in_use=True).exists()
