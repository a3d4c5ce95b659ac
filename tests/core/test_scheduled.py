"""Jobs of the schedule: one at a time, in slices, with a record."""

import io
from datetime import timedelta

import pytest
import structlog
from celery.exceptions import SoftTimeLimitExceeded
from django.core.management import call_command
from django.db import OperationalError
from django.utils import timezone
from django_celery_beat.models import PeriodicTask

from apps.accounts.models import User
from apps.core.db.locks import only_one
from apps.core.models import JobRun, QueuedTask, RateBucket
from apps.core.ops import gauges
from apps.core.tasks import jobs, scheduled
from apps.media import inventory
from apps.media import tasks as media_tasks
from config.celery import app
from config.schedule import SCHEDULE
from tests.accounts.crashes import killed_at
from tests.factories import PostFactory, UserFactory

pytestmark = pytest.mark.django_db
PURGE = "apps.core.tasks.purge_rate_buckets"
REPAIR = "apps.core.tasks.repair_counters"


@pytest.fixture
def expired():
    """Three rows for a job to purge."""
    RateBucket.objects.bulk_create(
        RateBucket(key=str(number), count=1, expires_at=timezone.now() - timedelta(hours=1)) for number in range(3)
    )


@pytest.fixture
def told():
    with structlog.testing.capture_logs() as lines:
        yield lines


def one_batch_a_slice(monkeypatch, settings, *, rows=1):
    """Slices so short that each has room for one batch."""
    settings.MAINTENANCE_ROWS_PER_SECOND = rows
    monkeypatch.setattr(scheduled.BatchRunner, "wait", lambda runner, seconds: runner.stop())


class TestTheRecord:
    def test_record_contains_corrected_rows_and_time(self, expired):
        before = timezone.now()
        assert jobs.purge_rate_buckets() == 3
        run = JobRun.objects.get(name=PURGE)
        assert run.started_at >= before
        assert run.succeeded_at >= run.started_at
        assert (run.fixed, run.fixed_total, run.error, run.unfinished) == (3, 3, "", False)
        assert run.seconds > 0
        jobs.purge_rate_buckets()
        run.refresh_from_db()
        assert (run.fixed, run.fixed_total) == (0, 3)

    def test_failure_is_recorded_logged_and_raised(self, monkeypatch, told, expired):
        def fail(runner):
            raise OSError("no disk")

        monkeypatch.setattr(jobs.housekeeping, "purge_rate_buckets", fail)
        with pytest.raises(OSError, match="no disk"):
            jobs.purge_rate_buckets()
        run = JobRun.objects.get(name=PURGE)
        assert run.error == "OSError('no disk')"
        assert run.succeeded_at is None
        assert [line["event"] for line in told] == ["job_failed"]
        assert gauges.job_failed()[(PURGE,)] == 1
        monkeypatch.undo()
        jobs.purge_rate_buckets()
        assert JobRun.objects.get(name=PURGE).error == ""
        assert gauges.job_failed()[(PURGE,)] == 0

    def test_failure_is_raised_if_it_cannot_be_recorded(self, monkeypatch):
        def fail(runner):
            monkeypatch.setattr(JobRun.objects, "filter", gone)
            raise OSError("no disk")

        def gone(**_):
            raise OperationalError

        monkeypatch.setattr(jobs.housekeeping, "purge_rate_buckets", fail)
        with pytest.raises(OSError, match="no disk"):
            jobs.purge_rate_buckets()

    def test_nothing_is_logged_if_there_was_nothing_to_do(self, told, expired):
        jobs.purge_rate_buckets()
        assert [(line["event"], line["job"], line["fixed"]) for line in told] == [("job_done", PURGE, 3)]
        told.clear()
        jobs.purge_rate_buckets()
        assert told == []

    def test_results_of_all_parts_are_added_up(self, monkeypatch):
        monkeypatch.setattr(inventory, "remove_orphaned_objects", lambda shard: 2)
        JobRun.objects.create(name="apps.media.tasks.remove_orphaned_objects", fixed=9, fixed_total=9)
        media_tasks.remove_orphaned_objects()
        for shard in "abc":
            media_tasks.remove_orphaned_objects(shard=shard)
        run = JobRun.objects.get()
        assert (run.fixed, run.fixed_total) == (6, 15)


@pytest.mark.django_db(transaction=True)
class TestNeverTwiceAtOnce:
    def test_second_run_returns_at_once(self, expired):
        with only_one(PURGE):
            assert jobs.purge_rate_buckets() == 0
        assert RateBucket.objects.count() == 3
        assert not JobRun.objects.exists()

    def test_parts_of_a_job_run_in_parallel(self, monkeypatch):
        name = "apps.media.tasks.remove_orphaned_objects"
        monkeypatch.setattr(inventory, "remove_orphaned_objects", lambda shard: 1)
        with only_one(f"{name}{[('shard', 'a')]}"):
            assert media_tasks.remove_orphaned_objects(shard="a") == 0
            assert media_tasks.remove_orphaned_objects(shard="b") == 1


class TestASlice:
    def test_unfinished_job_is_enqueued_until_it_is_done(self, monkeypatch, settings, expired, deliver):
        one_batch_a_slice(monkeypatch, settings)
        assert jobs.purge_rate_buckets() == 1
        run = JobRun.objects.get(name=PURGE)
        assert (run.unfinished, run.succeeded_at) == (True, None)
        assert deliver() == [PURGE] * 3
        run.refresh_from_db()
        assert (run.unfinished, run.fixed, run.fixed_total) == (False, 3, 3)
        assert run.succeeded_at
        assert not RateBucket.objects.exists()

    def test_continuation_of_a_finished_round_starts_no_new_one(self, expired):
        jobs.purge_rate_buckets()
        succeeded_at = JobRun.objects.get().succeeded_at
        assert jobs.purge_rate_buckets(goes_on=True) == 0
        assert JobRun.objects.get().succeeded_at == succeeded_at

    def test_repair_of_counters_continues_after_a_killed_run(self, monkeypatch, settings, deliver):
        authors = sorted((UserFactory() for _ in range(3)), key=lambda user: user.pk)
        for author in authors:
            User.objects.filter(pk=author.pk).update(follower_count=7)
        one_batch_a_slice(monkeypatch, settings)
        jobs.repair_counters()
        QueuedTask.objects.all().delete()  # the doorbell is lost with the worker
        run = JobRun.objects.get(name=REPAIR)
        assert run.checkpoint == {"counter": "accounts.user.follower_count", "after": str(authors[0].pk)}
        User.objects.filter(pk=authors[0].pk).update(follower_count=9)
        monkeypatch.undo()
        settings.MAINTENANCE_ROWS_PER_SECOND = 0
        assert jobs.repair_counters() == 2
        run.refresh_from_db()
        assert (run.checkpoint, run.fixed, run.unfinished) == ({}, 3, False)
        assert User.objects.get(pk=authors[0].pk).follower_count == 9
        assert jobs.repair_counters() == 1

    def test_run_that_exceeds_its_time_limit_keeps_its_checkpoint(self, monkeypatch, settings):
        author = UserFactory()
        PostFactory(author=author)
        advance = scheduled.BatchRunner.advance

        def too_long(runner, *args, **options):
            advance(runner, *args, **options)
            raise SoftTimeLimitExceeded

        monkeypatch.setattr(scheduled.BatchRunner, "advance", too_long)
        with pytest.raises(SoftTimeLimitExceeded):
            jobs.repair_counters()
        run = JobRun.objects.get(name=REPAIR)
        assert run.unfinished
        assert run.checkpoint == {"counter": "accounts.user.follower_count", "after": str(author.pk)}


@pytest.mark.slow
@pytest.mark.promise("C2")
@pytest.mark.django_db(transaction=True)
def test_job_of_a_killed_worker_continues_at_once(monkeypatch):
    people = sorted((UserFactory(follower_count=7) for _ in range(3)), key=lambda user: user.pk)
    monkeypatch.setenv("MAINTENANCE_ROWS_PER_SECOND", "1")
    killed_at("apps.core.db.batches/BatchRunner:advance", number=2, work="tests.core.jobs:run", argument=REPAIR)
    run = JobRun.objects.get(name=REPAIR)
    assert (run.unfinished, run.checkpoint["after"]) == (True, str(people[0].pk))
    # The second batch was done, and the worker died before it could tell: doing it twice is harmless.
    assert [User.objects.get(pk=user.pk).follower_count for user in people] == [0, 0, 7]
    assert jobs.repair_counters() == 1
    assert JobRun.objects.get(name=REPAIR).succeeded_at
    assert not User.objects.exclude(follower_count=0).exists()


class TestTheSchedule:
    @pytest.fixture(autouse=True)
    def _seeded(self):
        call_command("ensure_schedule", stdout=io.StringIO())

    def test_every_job_runs_on_an_empty_installation(self, subtests):
        app.loader.import_default_modules()
        for name in SCHEDULE:
            with subtests.test(name=name):
                assert app.tasks[name]() == 0
                assert JobRun.objects.get(name=name).succeeded_at

    def test_ensure_schedule_keeps_changes_and_deletes_removed_jobs(self):
        PeriodicTask.objects.filter(task=PURGE).update(enabled=False)
        PeriodicTask.objects.create(
            name="old", task="apps.core.tasks.gone", interval=PeriodicTask.objects.get(task=PURGE).interval
        )
        JobRun.objects.create(name="apps.core.tasks.gone")
        call_command("ensure_schedule", stdout=io.StringIO())
        assert not PeriodicTask.objects.get(task=PURGE).enabled
        assert set(PeriodicTask.objects.values_list("task", flat=True)) - {"celery.backend_cleanup"} == set(SCHEDULE)
        assert set(JobRun.objects.values_list("name", flat=True)) == set(SCHEDULE)

    def test_metrics_contain_jobs_that_have_never_run(self):
        names = {(name,) for name in SCHEDULE}
        assert gauges.job_last_success().keys() == names
        assert all(abs(moment - timezone.now().timestamp()) < 60 for moment in gauges.job_last_success().values())
        assert gauges.job_fixed() == dict.fromkeys(names, 0)
        assert gauges.job_seconds() == dict.fromkeys(names, 0)
        assert {name: gauges.job_period()[(name,)] for name in SCHEDULE} == SCHEDULE

    def test_disabled_job_has_no_interval_metric(self):
        PeriodicTask.objects.filter(task=PURGE).update(enabled=False)
        assert (PURGE,) not in gauges.job_period()
        assert (REPAIR,) in gauges.job_period()

    def test_metrics_follow_the_runs_of_a_job(self, expired):
        JobRun.objects.filter(name=PURGE).update(created_at=timezone.now() - timedelta(days=3))
        jobs.purge_rate_buckets()
        assert gauges.job_last_success()[(PURGE,)] == JobRun.objects.get(name=PURGE).succeeded_at.timestamp()
        assert gauges.job_fixed()[(PURGE,)] == 3
        assert gauges.job_seconds()[(PURGE,)] > 0
