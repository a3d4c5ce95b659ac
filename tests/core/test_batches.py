"""Long work: a batch at a time, no faster and no longer than it may."""

import time

import pytest

from apps.core.batches import BATCH, Pace, delete_in_batches
from apps.core.models import RateBucket


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
