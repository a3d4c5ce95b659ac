"""Long work: a batch at a time, no faster and no longer than it may."""

import time

import pytest

from apps.core.db.batches import BATCH, BatchRunner, delete_in_batches, in_batches, walk
from apps.core.models import RateBucket
from apps.media.models import Media
from tests.factories import MediaFactory


class TestBatchRunner:
    def test_runner_without_limits_does_not_wait(self, monkeypatch):
        monkeypatch.setattr(time, "sleep", lambda seconds: pytest.fail("it slept"))
        runner = BatchRunner()
        for _ in range(1000):
            assert runner.has_time()
            runner.advance(BATCH)
        assert runner.batch_size == BATCH
        assert not runner.stopped

    def test_runner_waits_according_to_the_row_rate(self):
        runner = BatchRunner(rows_per_second=100)
        started = time.monotonic()
        for _ in range(3):
            runner.advance(10)
        assert time.monotonic() - started >= 0.3

    def test_batch_is_limited_to_the_rows_of_a_second(self):
        assert BatchRunner(rows_per_second=7).batch_size == 7
        assert BatchRunner(rows_per_second=0.5).batch_size == 1
        assert BatchRunner(rows_per_second=1_000_000).batch_size == BATCH

    def test_runner_stops_when_its_time_is_over(self):
        runner = BatchRunner(seconds=-1)
        assert not runner.has_time()
        assert runner.stopped

    def test_stopped_runner_does_not_wait(self):
        runner = BatchRunner(rows_per_second=1)
        runner.stop()
        started = time.monotonic()
        runner.advance(1000)
        assert time.monotonic() - started < 10

    def test_progress_is_reported_with_the_checkpoint(self):
        told = []
        runner = BatchRunner(checkpoint={"after": 1}, on_progress=lambda rows, place: told.append((rows, place)))
        runner.advance(5)
        runner.advance(2, {"after": 3})
        assert told == [(5, {"after": 1}), (2, {"after": 3})]
        assert runner.rows == 7


class TestDeleting:
    @pytest.fixture
    def buckets(self, db):
        RateBucket.objects.bulk_create(
            RateBucket(key=f"{number:03}", count=1, expires_at="2020-01-01T00:00Z") for number in range(25)
        )
        return RateBucket.objects.all()

    def test_all_rows_are_deleted(self, buckets):
        assert delete_in_batches(buckets) == 25
        assert not buckets.exists()

    def test_deletion_stops_between_two_batches(self, buckets):
        def stop_soon(rows, place):
            runner.stop()

        runner = BatchRunner(rows_per_second=10, on_progress=stop_soon)
        assert delete_in_batches(buckets, runner) == 10
        assert buckets.count() == 15
        assert runner.stopped


class TestWalking:
    @pytest.fixture
    def pks(self, alice):
        return sorted(MediaFactory(owner=alice).pk for _ in range(5))

    @staticmethod
    def walked(runner, **place):
        return [pk for batch in walk(Media.objects.all(), runner, **place) for pk in batch]

    @pytest.mark.django_db
    def test_every_row_is_visited_once_with_a_checkpoint_per_batch(self, pks):
        noted = []
        runner = BatchRunner(rows_per_second=2, on_progress=lambda rows, place: noted.append((rows, place)))
        runner.wait = lambda seconds: None
        assert self.walked(runner, what="media") == pks
        assert noted == [(rows, {"what": "media", "after": str(pks[at])}) for rows, at in [(2, 1), (2, 3), (1, 4)]]

    @pytest.mark.django_db
    def test_walk_continues_after_its_checkpoint(self, pks):
        runner = BatchRunner(rows_per_second=2, on_progress=lambda rows, place: runner.stop())
        assert self.walked(runner) == pks[:2]
        assert self.walked(BatchRunner(), **runner.checkpoint) == pks[2:]


def test_items_are_grouped_into_batches():
    assert list(in_batches(range(5), 2)) == [[0, 1], [2, 3], [4]]
    assert list(in_batches([], 2)) == []
