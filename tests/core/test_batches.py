"""Long work: a batch at a time, no faster and no longer than it may."""

import time

import pytest

from apps.core.db.batches import BATCH, Pace, delete_in_batches, in_batches, walk
from apps.core.models import RateBucket
from apps.media.models import Media
from tests.factories import make_media


class TestPace:
    def test_nothing_holds_it_up_unless_it_is_told_to(self, monkeypatch):
        monkeypatch.setattr(time, "sleep", lambda seconds: pytest.fail("it slept"))
        pace = Pace()
        for _ in range(1000):
            assert pace.goes_on()
            pace.step(BATCH)
        assert pace.batch == BATCH
        assert not pace.stopped

    def test_it_waits_as_long_as_the_rows_may_take(self):
        pace = Pace(rows_per_second=100)
        started = time.monotonic()
        for _ in range(3):
            pace.step(10)
        assert time.monotonic() - started >= 0.3

    def test_a_batch_is_no_more_than_a_second_has_room_for(self):
        assert Pace(rows_per_second=7).batch == 7
        assert Pace(rows_per_second=0.5).batch == 1
        assert Pace(rows_per_second=1_000_000).batch == BATCH

    def test_it_is_stopped_when_its_time_is_over(self):
        pace = Pace(seconds=-1)
        assert not pace.goes_on()
        assert pace.stopped

    def test_it_does_not_wait_once_it_is_stopped(self):
        pace = Pace(rows_per_second=1)
        pace.stop()
        started = time.monotonic()
        pace.step(1000)
        assert time.monotonic() - started < 10

    def test_every_step_is_told_with_the_place(self):
        told = []
        pace = Pace(place={"after": 1}, told=lambda rows, place: told.append((rows, place)))
        pace.step(5)
        pace.step(2, {"after": 3})
        assert told == [(5, {"after": 1}), (2, {"after": 3})]
        assert pace.rows == 7


class TestDeleting:
    @pytest.fixture
    def buckets(self, db):
        RateBucket.objects.bulk_create(
            RateBucket(key=f"{number:03}", count=1, expires_at="2020-01-01T00:00Z") for number in range(25)
        )
        return RateBucket.objects.all()

    def test_all_of_it_goes(self, buckets):
        assert delete_in_batches(buckets) == 25
        assert not buckets.exists()

    def test_it_stops_between_two_batches(self, buckets):
        def stop_soon(rows, place):
            pace.stop()

        pace = Pace(rows_per_second=10, told=stop_soon)
        assert delete_in_batches(buckets, pace) == 10
        assert buckets.count() == 15
        assert pace.stopped


class TestWalking:
    @pytest.fixture
    def pks(self, alice):
        return sorted(make_media(alice).pk for _ in range(5))

    @staticmethod
    def walked(pace, **place):
        return [pk for batch in walk(Media.objects.all(), pace, **place) for pk in batch]

    @pytest.mark.django_db
    def test_every_row_comes_once_and_the_place_is_noted_after_each_batch(self, pks):
        noted = []
        pace = Pace(rows_per_second=2, told=lambda rows, place: noted.append((rows, place)))
        pace.wait = lambda seconds: None
        assert self.walked(pace, what="media") == pks
        assert noted == [(rows, {"what": "media", "after": str(pks[at])}) for rows, at in [(2, 1), (2, 3), (1, 4)]]

    @pytest.mark.django_db
    def test_it_goes_on_behind_the_place_where_it_was_stopped(self, pks):
        pace = Pace(rows_per_second=2, told=lambda rows, place: pace.stop())
        assert self.walked(pace) == pks[:2]
        assert self.walked(Pace(), **pace.place) == pks[2:]


def test_things_come_in_batches_of_a_size():
    assert list(in_batches(range(5), 2)) == [[0, 1], [2, 3], [4]]
    assert list(in_batches([], 2)) == []
