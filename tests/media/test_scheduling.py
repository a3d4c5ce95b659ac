"""An expensive account delays nobody else, and has a budget."""

from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
import time_machine
from django.utils import timezone

from apps.media import pipeline, privacy, scheduling, services, storage, sweeps
from apps.media.imaging import ImagingError, Picture
from apps.media.models import Media, ProcessingTime
from tests.factories import MediaFactory

pytestmark = pytest.mark.django_db


def upload(owner, **fields):
    return MediaFactory(
        owner=owner,
        status="uploaded",
        uploaded_at=timezone.now(),
        next_attempt_at=timezone.now() + timedelta(seconds=60),
        **fields,
    )


@pytest.fixture
def processed(monkeypatch):
    """The owners of the uploads that were processed, in order. A picture takes as many seconds as it has bytes."""
    owners = []

    def render(source: Path, **_: object) -> Picture:
        medium = Media.objects.get(original_key=source.read_text())
        owners.append(medium.owner.handle)
        clock["now"] += medium.bytes
        if medium.alt_text == "fails":
            raise ImagingError("processing_timeout")
        return Picture(1, 1, "", "#000000", [], [])

    clock = {"now": 0.0}
    monkeypatch.setattr(scheduling, "time", SimpleNamespace(monotonic=lambda: clock["now"]))
    monkeypatch.setattr(storage, "download", lambda key, *, etag, to: to.write_text(key))
    monkeypatch.setattr(pipeline.sandbox, "render_safely", render)
    return owners


def run_all(media):
    """Run the tasks in the order in which they were enqueued."""
    for medium in media:
        pipeline.process(medium.pk)


class TestTurns:
    def test_an_upload_does_not_wait_behind_many_of_another_user(self, alice, bob, processed):
        tasks = [upload(alice, bytes=10) for _ in range(30)] + [upload(bob, bytes=1)]
        run_all(tasks)
        assert len(processed) == 31
        assert processed.index("bob") <= 1

    def test_users_take_turns_by_time_and_not_by_number(self, alice, bob, processed):
        run_all([upload(alice, bytes=9) for _ in range(4)] + [upload(bob, bytes=3) for _ in range(12)])
        assert processed[:8].count("alice") == 2
        assert processed.count("bob") == 12

    def test_failures_count_as_much(self, alice, bob, processed):
        tasks = [upload(alice, bytes=10, alt_text="fails") for _ in range(5)] + [upload(bob, bytes=1)]
        run_all(tasks)
        assert processed.index("bob") <= 1
        assert ProcessingTime.objects.get(owner=alice).seconds == 50
        assert set(Media.objects.filter(owner=alice).values_list("error_code", flat=True)) == {"processing_timeout"}

    def test_variants_that_are_made_again_come_last_and_are_not_charged(self, alice, bob, processed):
        again = MediaFactory(owner=alice, uploaded_at=timezone.now() - timedelta(hours=1), bytes=9)
        Media.objects.filter(pk=again.pk).update(status="uploaded")
        run_all([again, upload(bob, bytes=1)])
        assert processed == ["bob", "alice"]
        assert not ProcessingTime.objects.filter(owner=alice).exists()

    def test_an_upload_in_its_pause_after_a_failure_is_not_taken_by_another_task(self, alice, bob, processed):
        upload(alice, attempts=1)
        own = upload(bob, bytes=1)
        run_all([own, own])
        assert processed == ["bob"]


class TestBudget:
    @pytest.fixture(autouse=True)
    def _budget(self, settings):
        settings.MEDIA_PROCESSING_SECONDS_PER_HOUR = 25

    def test_uploads_over_the_budget_wait_for_the_next_hour(self, alice, processed):
        tasks = [upload(alice, bytes=10) for _ in range(5)]
        run_all(tasks)
        assert len(processed) == 3
        waiting = Media.objects.filter(status="uploaded")
        assert {medium.next_attempt_at for medium in waiting} == {scheduling.over_budget_until(alice.pk)}
        assert sweeps.enqueue_due() == 0
        with time_machine.travel(timezone.now() + timedelta(minutes=61)):
            assert sweeps.enqueue_due() == 2
            run_all(waiting)
        assert len(processed) == 5
        assert ProcessingTime.objects.get(owner=alice).seconds == 20

    def test_a_new_upload_over_the_budget_is_refused(self, api, alice, bob):
        scheduling.charge(alice.pk, 26)
        body = {"content_type": "image/jpeg", "bytes": 10}
        answer = api(alice).post("/media/upload", body)
        assert (answer.status_code, answer.json()["code"]) == (429, "processing_budget_exceeded")
        assert 3500 < int(answer.headers["Retry-After"]) <= 3600
        assert api(bob).post("/media/upload", body).status_code == 201
        with time_machine.travel(timezone.now() + timedelta(minutes=61)):
            assert services.begin_upload(owner_id=alice.pk, content_type="image/jpeg", length=10)

    def test_a_worker_that_storage_fails_charges_nothing(self, alice, monkeypatch):
        def fail(*_, **__):
            raise storage.StorageError("down")

        monkeypatch.setattr(storage, "download", fail)
        pipeline.process(upload(alice).pk)
        assert not ProcessingTime.objects.exists()


def test_candidates_of_two_workers_overlap_without_harm(alice, processed):
    """Both have read the same candidates: the second takes the next."""
    first, second = upload(alice), upload(alice)
    candidates = scheduling.candidates(first.pk)
    assert candidates == [first.pk, second.pk]
    assert Media.objects.unprocessed().claim(first.pk, status="processing")
    assert pipeline._claim(first.pk).pk == second.pk


def test_a_user_who_is_deleted_leaves_no_time(alice):
    scheduling.charge(alice.pk, 1)
    privacy.erase(alice.pk)
    assert not ProcessingTime.objects.exists()
