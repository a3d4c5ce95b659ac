"""Domain events of moderation."""

import pytest

from apps.moderation import events, services
from apps.moderation.models import ModerationAction
from tests.factories import PostFactory
from tests.moderation.people import make_moderator, suspended, taken_down

pytestmark = pytest.mark.django_db


@pytest.fixture
def heard():
    """(name, ids) of the published events."""
    published = []
    listeners = {
        event: lambda event=event, **ids: published.append(
            (event.name, {k: v for k, v in ids.items() if k in event.fields})
        )
        for event in (events.flag_made, events.action_taken, events.appeal_decided)
    }
    for event, listener in listeners.items():
        event._signal.connect(listener, weak=False)
    yield published
    for event, listener in listeners.items():
        event._signal.disconnect(listener)


def test_event_is_published_once_for_actions_with_affected_user(heard, alice, carol, mod):
    flag = services.flag(alice, by=carol.pk, category="spam")[0]
    services.flag(alice, by=carol.pk, category="spam")
    services.resolve_flag(flag, by=mod, resolution="resolved")
    post = PostFactory(author=alice)
    for _ in range(2):
        action = taken_down(post, mod)
    appeal = services.appeal(action, by=alice.pk, text="No.")
    other = make_moderator("other")
    for _ in range(2):
        services.decide_appeal(appeal, by=other, overturn=True)
    suspended(alice, mod)
    services.unsuspend(alice, by=mod)
    actions = ModerationAction.objects.exclude(affected_id=None).order_by("id")
    assert [ids["action_id"] for name, ids in heard if name == "action_taken"] == [str(row.pk) for row in actions]
    assert [row.action for row in actions] == ["takedown", "overturn_appeal", "suspend", "unsuspend"]
    assert [ids for name, ids in heard if name != "action_taken"] == [
        {"flag_id": str(flag.pk)},
        {"appeal_id": str(appeal.pk)},
    ]
