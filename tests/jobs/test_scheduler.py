"""The scheduler and the other processes that no request reaches: seen when they live, and when they do not."""

import re
from datetime import timedelta

import pytest
from django.db import OperationalError, connection
from django.utils import timezone
from django_celery_beat.models import IntervalSchedule, PeriodicTask

from apps.core.models import Heartbeat, QueuedTask
from apps.core.ops.health import Unhealthy
from apps.core.tasks import backlog, heartbeats
from apps.core.tasks.outbox import enqueue
from apps.core.tasks.queues import queue_of
from apps.core.tasks.scheduler import Scheduler
from config.celery import app
from config.queues import QUEUES

pytestmark = pytest.mark.django_db


def health(api):
    return api(None).get("/health/ready").json()


def falls_silent(name, since):
    Heartbeat.objects.filter(name=name).update(at=timezone.now() - since)


@pytest.fixture
def everything_beats():
    for name in ("scheduler", "relay", "worker:worker@a", "worker:media@a", *(f"queue:{queue}" for queue in QUEUES)):
        heartbeats.beat(name)


@pytest.fixture
def one_job():
    PeriodicTask.objects.all().delete()
    every_minute = IntervalSchedule.objects.create(every=60, period=IntervalSchedule.SECONDS)
    PeriodicTask.objects.create(
        name="one", task="apps.core.tasks.probe_queues", interval=every_minute, expire_seconds=60
    )


class TestSignsOfLife:
    def test_all_heartbeats_are_fresh_while_all_processes_run(self, api, everything_beats):
        checks = health(api)["checks"]
        assert {name for name, state in checks.items() if state == "up"} >= {
            *("scheduler", "relay", "workers"),
            *(f"queue_{queue}" for queue in QUEUES),
        }

    @pytest.mark.promise("C11")
    @pytest.mark.parametrize(
        ("name", "check", "period"),
        [
            ("scheduler", "scheduler", heartbeats.EVERY),
            ("relay", "relay", heartbeats.EVERY),
            ("worker:worker@a", "workers", heartbeats.EVERY),
            ("worker:media@a", "workers", heartbeats.EVERY),
            ("queue:media", "queue_media", heartbeats.PROBED_EVERY),
        ],
    )
    def test_dead_process_is_reported_within_two_periods(self, api, everything_beats, name, check, period):
        falls_silent(name, timedelta(seconds=period))
        assert health(api)["checks"][check] == "up"
        falls_silent(name, timedelta(seconds=2 * period + 6))
        answer = health(api)
        assert answer["checks"][check] == "down"
        assert answer["status"] == "degraded", "requests are served all the same"

    def test_one_of_several_workers_of_a_kind_is_enough(self, api, everything_beats):
        falls_silent("worker:media@a", timedelta(hours=1))
        heartbeats.beat("worker:worker@b")
        answer = health(api)
        assert answer["checks"]["workers"] == "down"
        assert answer["reasons"]["workers"] == "No heartbeat of media for 3600 s."
        heartbeats.beat("worker:media@b")
        assert health(api)["checks"]["workers"] == "up"

    def test_kind_of_worker_that_never_started_is_reported(self, api, everything_beats, settings):
        settings.WORKER_NAMES = ["worker", "media", "search"]
        # The check is made of the names when the process starts.
        check = heartbeats.require(*settings.WORKER_NAMES, silent_after=heartbeats.SILENT_AFTER)
        with pytest.raises(Unhealthy, match="No heartbeat of search yet"):
            check()

    def test_expected_kinds_of_workers_are_those_of_the_procfile(self, settings):
        procfile = (settings.BASE_DIR / "Procfile").read_text()
        assert re.findall(r"--hostname (\w+)@%h", procfile) == settings.WORKER_NAMES

    def test_processes_that_need_the_broker_are_not_blamed_for_its_outage(self, api, settings):
        settings.CELERY_BROKER_URL = "redis://127.0.0.1:1/0"
        answer = health(api)
        assert answer["checks"]["broker"] == "down"
        for name in ("relay", "workers", "queue_media"):
            assert answer["checks"][name] == "unknown"
            assert answer["reasons"][name] == "Not checked: the broker is down."
        assert answer["checks"]["scheduler"] == "down"

    def test_heartbeat_that_cannot_be_stored_is_skipped(self):
        heart = heartbeats.Heart("relay")
        with connection.execute_wrapper(_away):
            heart.beat()
        assert "relay" not in backlog.pulses()

    def test_heartbeats_are_stored_at_most_once_per_period(self, django_assert_num_queries):
        heart = heartbeats.Heart("relay")
        with django_assert_num_queries(1):
            heart.beat()
            heart.beat()


def _away(execute, sql, params, many, context):
    raise OperationalError("the database is away")


@pytest.mark.django_db(transaction=True)
class TestTheScheduler:
    @pytest.mark.promise("C11")
    def test_scheduler_enqueues_jobs_without_a_broker(self, one_job, settings):
        settings.CELERY_BROKER_URL = "redis://127.0.0.1:1/0"
        scheduler = Scheduler(app=app, lazy=True)
        PeriodicTask.objects.update(last_run_at=timezone.now() - timedelta(minutes=5))
        scheduler.tick()
        assert QueuedTask.objects.get().task_name == "apps.core.tasks.probe_queues"
        assert "scheduler" in backlog.pulses()

    @pytest.mark.promise("C11")
    def test_jobs_missed_while_no_worker_ran_are_dropped(self, one_job):
        scheduler = Scheduler(app=app, lazy=True)
        PeriodicTask.objects.update(last_run_at=timezone.now() - timedelta(minutes=5))
        scheduler.tick()
        expires = QueuedTask.objects.get().options["expires"]
        assert "T" in expires, "a moment, and no number of seconds that would begin anew with each announcement"


class TestTheWayOfATask:
    @pytest.mark.parametrize(
        ("task", "queue"),
        [
            ("apps.media.tasks.process_upload", "media"),
            ("apps.notifications.tasks.sync_like_notification", "notifications"),
            ("apps.notifications.tasks.deliver", "notifications"),
            ("apps.notifications.tasks.enqueue_due_deliveries", "maintenance"),
            ("apps.accounts.tasks.send_reset", "notifications"),
            ("apps.content.tasks.settle_post", "feed"),
            ("apps.media.tasks.delete_pending_objects", "maintenance"),
            ("apps.accounts.tasks.erase", "maintenance"),
        ],
    )
    def test_celery_and_outbox_route_a_task_to_the_same_queue(self, task, queue):
        assert queue_of(task) == queue
        assert app.amqp.router.route({}, task)["queue"].name == queue

    def test_every_task_has_a_time_limit(self):
        app.loader.import_default_modules()
        for name, task in app.tasks.items():
            if name.startswith("apps."):
                assert 0 < task.soft_time_limit < task.time_limit, name

    def test_backlog_is_reported_by_queue(self):
        enqueue("apps.media.tasks.process_upload", kwargs={"media_id": "x"})
        enqueue("apps.notifications.tasks.sync_like_notification", kwargs={})
        QueuedTask.objects.update(created_at=timezone.now() - timedelta(minutes=3))
        backlogs = backlog.by_queue()
        assert {name: each.depth for name, each in backlogs.items()} == {
            "media": 1,
            "notifications": 1,
            "feed": 0,
            "maintenance": 0,
        }
        assert 179 < backlogs["media"].oldest < 190
