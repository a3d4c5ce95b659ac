"""The clock of a machine steps by five minutes, forward or back (C10)."""

import random
from datetime import timedelta
from uuid import UUID

import pytest
import time_machine
from django.utils import timezone

from apps.core.db.ids import first_id_at, moment_of
from apps.media import pipeline, sweeps
from apps.media.models import Media
from tests.factories import PostFactory
from tests.media.uploads import uploaded

pytestmark = pytest.mark.django_db
STEPS = [timedelta(minutes=5), timedelta(minutes=-5)]


def id_made_at(moment):
    """As `new_id` makes it while the machine's clock shows `moment` (RFC 9562, section 5.7)."""
    version_and_random = 7 << 76 | random.getrandbits(12) << 64
    return UUID(int=first_id_at(moment).int | version_and_random | 2 << 62 | random.getrandbits(62))


@pytest.mark.promise("C10")
@pytest.mark.parametrize("step", STEPS)
def test_ids_are_unique_and_posts_listed_once_if_clocks_differ(api, alice, bob, step):
    now = timezone.now()
    moments = [now + timedelta(milliseconds=number) for number in range(3)]
    moments += [moment + step for moment in moments]
    ids = [id_made_at(moment) for moment in moments for _ in range(5)]
    assert len(set(ids)) == len(ids)
    assert abs(moment_of(ids[0]) - now) < timedelta(milliseconds=2)
    for pk in ids:
        PostFactory(author=alice, id=pk)
    seen, cursor = [], ""
    while cursor is not None:
        page = api(bob).get(f"/feed?limit=7{cursor and f'&cursor={cursor}'}").json()
        seen += [post["id"] for post in page["results"]]
        cursor = page["next_cursor"]
    assert sorted(seen) == sorted(map(str, ids))


@pytest.mark.promise("C10")
@pytest.mark.parametrize("step", STEPS)
def test_lease_is_exclusive_and_ends_if_clocks_differ(api, alice, deliver, step):
    """A worker takes an upload and dies, and the clock steps: it is processed once, a lease's time after the clock has
    come to where it was at the latest."""
    medium = uploaded(api(alice))
    taken_at = timezone.now()
    with time_machine.travel(taken_at, tick=False):
        assert pipeline._claim(medium.pk)
    with time_machine.travel(taken_at + step, tick=False) as clock:
        clock.shift(timedelta(seconds=1))
        if step < timedelta(0):
            assert sweeps.enqueue_due() == 0
            assert pipeline._claim(medium.pk) is None, "a living worker's"
            clock.move_to(taken_at + timedelta(seconds=31))
        assert sweeps.enqueue_due() == 1
    with time_machine.travel(max(taken_at + step, taken_at) + timedelta(seconds=40)):
        deliver()
    medium.refresh_from_db()
    assert (medium.status, Media.objects.count()) == ("ready", 1)


@pytest.mark.promise("C10")
def test_worker_that_lost_its_lease_changes_nothing(api, alice):
    """The clock steps forward while a worker is at work: another takes over, and the first one's result is not used."""
    medium = uploaded(api(alice))
    first = pipeline._claim(medium.pk)
    with time_machine.travel(timezone.now() + timedelta(minutes=5)):
        second = pipeline._claim(medium.pk)
        assert second
    with pytest.raises(pipeline.LeaseLost):
        pipeline._renew(first)
    medium.refresh_from_db()
    assert medium.leased_until == second.leased_until
