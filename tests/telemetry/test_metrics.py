"""The metrics, and that a scrape is cheap and fails no request."""

import math
from datetime import timedelta

import pytest
from django.db import OperationalError, connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django_celery_beat.models import IntervalSchedule, PeriodicTask
from prometheus_client import REGISTRY
from prometheus_client.parser import text_string_to_metric_families

from apps.core.db import deadline
from apps.core.models import DeadLetter, QueuedTask
from apps.core.ops import health, metrics
from apps.core.ops.observability import task_finished
from apps.core.tasks import backlog, heartbeats
from apps.core.tasks.queues import queue_of
from apps.media.models import PendingDeletion
from apps.moderation import gauges as moderation
from apps.moderation.models import Flag
from apps.notifications import gauges as notifications
from apps.notifications.models import Delivery, Notification, NotificationEvent
from tests.factories import MediaFactory, PostFactory
from tests.plans import explain_sql, indexes_used, nodes

pytestmark = pytest.mark.django_db


@pytest.fixture
def scrape(anonymous):
    """`scrape()`: the text of all metrics."""

    def read():
        answer = anonymous.get("/metrics")
        assert answer.status_code == 200
        return answer.text

    return read


def values(text, name):
    """{((label, value), …): number} of one metric. Parsing the whole text would take a second."""
    lines = [line for line in text.splitlines(keepends=True) if line.startswith((f"{name}{{", f"{name} "))]
    return {
        tuple(sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families("".join(lines))
        for sample in family.samples
    }


def value(text, name, /, **labels):
    return values(text, name).get(tuple(sorted(labels.items())))


def shown(name, /, **labels):
    """The value of a gauge, without a scrape of all."""
    (gauge,) = (gauge for gauge in metrics.every_gauge() if gauge.name == name)
    return next((sample.value for sample in gauge.family().samples if sample.labels == labels), None)


@pytest.fixture
def probed(monkeypatch):
    """The dependencies have been probed before, as in a process that runs."""
    results = health.probe()
    monkeypatch.setattr(health, "results", lambda: results)


@pytest.fixture
def own_gauges(monkeypatch):
    """No gauges but those that the test registers."""
    monkeypatch.setattr(metrics, "_gauges", {})


# ── Gauges ───────────────────────────────────────────────────────────────────────────────────────────────
class TestGauges:
    def test_gauge_shows_the_current_value(self, own_gauges, scrape):
        waiting = {("media",): 3.0}
        metrics.gauge("photogram_test_waiting", "x", ["queue"], lambda: waiting)
        assert value(scrape(), "photogram_test_waiting", queue="media") == 3
        waiting[("media",)] = 4.0
        assert value(scrape(), "photogram_test_waiting", queue="media") == 4

    def test_total_of_the_database_is_a_counter(self, own_gauges, anonymous):
        metrics.gauge("photogram_test_fixed_total", "x", ["task"], lambda: {("a",): 7})
        told = anonymous.get("/metrics").content
        assert b"# TYPE photogram_test_fixed_total counter" in told
        assert b'photogram_test_fixed_total{task="a"} 7.0' in told

    def test_failing_gauge_is_left_out_counted_and_logged(self, own_gauges, scrape, json_log):
        metrics.gauge("photogram_test_broken", "x", [], lambda: metrics.select("SELECT no_such_column"))
        metrics.gauge("photogram_test_whole", "x", [], lambda: {(): 1})
        before = value(scrape(), "photogram_gauge_failures_total", gauge="photogram_test_broken") or 0
        samples = scrape()
        assert value(samples, "photogram_test_broken") is None
        assert value(samples, "photogram_test_whole") == 1
        assert value(scrape(), "photogram_gauge_failures_total", gauge="photogram_test_broken") == before + 2
        (line, *_) = [line for line in json_log() if line["event"] == "gauge_left_out"]
        assert line["gauge"] == "photogram_test_broken"
        assert "no_such_column" in line["reason"]

    def test_slow_gauge_is_cancelled_by_the_statement_timeout(self, own_gauges, scrape, monkeypatch):
        monkeypatch.setattr(metrics, "STATEMENT_MILLISECONDS", 50)
        metrics.gauge("photogram_test_slow", "x", [], lambda: metrics.select("SELECT 1 FROM pg_sleep(60)"))
        assert value(scrape(), "photogram_test_slow") is None

    def test_slow_scrape_ends_early(self, own_gauges, scrape, monkeypatch):
        scrape()
        monkeypatch.setattr(metrics, "BUDGET_SECONDS", -1.0)
        metrics.gauge("photogram_test_late", "x", [], lambda: {(): 1})
        metrics.gauge("photogram_test_without_database", "x", [], lambda: {(): 1}, from_database=False)
        samples = scrape()
        assert value(samples, "photogram_test_late") is None
        assert value(samples, "photogram_test_without_database") == 1
        assert (
            value(samples, "photogram_request_seconds_count", method="GET", route="metrics", status="200") is not None
        )

    @pytest.mark.promise("C8")
    def test_last_statement_of_a_scrape_ends_before_the_request_deadline(self):
        assert metrics.BUDGET_SECONDS + metrics.STATEMENT_MILLISECONDS / 1000 <= deadline.REQUEST_SECONDS

    def test_changes_by_a_gauge_are_rolled_back(self, own_gauges, scrape):
        def write():
            PendingDeletion.objects.create(bucket="b", key="k")
            return {(): PendingDeletion.objects.count()}

        metrics.gauge("photogram_test_writes", "x", [], write)
        assert value(scrape(), "photogram_test_writes") == 1
        assert not PendingDeletion.objects.exists()
        with connection.cursor() as cursor:
            cursor.execute("SHOW statement_timeout")
            assert cursor.fetchone() == ("15s",)

    @pytest.mark.promise("C8")
    def test_without_database_other_metrics_are_shown(self, scrape, monkeypatch):
        def refuse():
            raise OperationalError("connection refused")

        monkeypatch.setattr(connection, "ensure_connection", refuse)
        samples = scrape()
        assert value(samples, "photogram_dependency_up", dependency="database") == 0
        assert value(samples, "photogram_dependency_up", dependency="cache") == 1
        assert value(samples, "photogram_dependency_up", dependency="relay") is None
        assert value(samples, "photogram_dependency_probe_age_seconds", dependency="database") < 60
        assert value(samples, "photogram_feed_threshold", input="queue") is not None
        assert value(samples, "photogram_database_bytes") is None
        assert value(samples, "photogram_gauge_failures_total", gauge="photogram_database_bytes") >= 1

    @pytest.mark.parametrize("label", ["job", "instance"])
    def test_reserved_labels_are_refused(self, own_gauges, label):
        with pytest.raises(ValueError, match="for itself"):
            metrics.gauge("photogram_test", "x", [label], dict)

    def test_cost_of_a_scrape_does_not_depend_on_the_backlog(
        self, scrape, probed, alice, django_assert_max_num_queries, django_assert_num_queries
    ):
        with django_assert_max_num_queries(150) as few:
            scrape()
        for number in range(30):
            QueuedTask.objects.create(task_id=str(number), task_name="apps.media.tasks.enqueue_due_media")
            MediaFactory(owner=alice, status="uploaded")
        with django_assert_num_queries(len(few)):
            scrape()


def test_every_gauge_can_be_read(scrape):
    """One that cannot would only be missing."""

    def failures():
        return values(scrape(), "photogram_gauge_failures_total")

    assert failures() == failures()
    for gauge in metrics.every_gauge():
        gauge.family()


def test_open_reports_and_appeals_are_counted_by_an_index():
    """On small tables PostgreSQL would rather scan, so scans are made expensive here."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
    with CaptureQueriesContext(connection) as queries:
        moderation.count_open()
        moderation.get_oldest_age()
    for query in queries:
        plan = explain_sql(query["sql"].replace("%", "%%"), None)
        assert indexes_used(plan)
        assert "Seq Scan" not in {node["Node Type"] for node in nodes(plan)}


def test_pending_deliveries_are_counted_by_an_index():
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
    with CaptureQueriesContext(connection) as queries:
        notifications.count_pending()
        notifications.get_oldest_age()
    for query in queries:
        plan = explain_sql(query["sql"].replace("%", "%%"), None)
        assert indexes_used(plan) == {"deliveries_to_make"}


def test_backlog_is_read_by_an_index():
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
    plan = backlog.by_task().explain()
    assert "Index" in plan
    assert "Seq Scan" not in plan


# ── What they show ───────────────────────────────────────────────────────────────────────────────────────
class TestWhatWaits:
    def test_outbox_rows_and_oldest_age_by_queue(self):
        queue = queue_of("apps.media.tasks.enqueue_due_media")
        assert shown("photogram_outbox_rows", queue=queue) == 0
        assert shown("photogram_outbox_oldest_seconds", queue=queue) == 0
        for number in range(3):
            QueuedTask.objects.create(task_id=str(number), task_name="apps.media.tasks.enqueue_due_media")
        QueuedTask.objects.filter(task_id="1").update(created_at=timezone.now() - timedelta(minutes=10))
        assert shown("photogram_outbox_rows", queue=queue) == 3
        assert 590 <= shown("photogram_outbox_oldest_seconds", queue=queue) < 660

    def test_dead_letters_by_task(self):
        for number in range(2):
            DeadLetter.objects.create(
                created_at=timezone.now(), task_id=str(number), task_name="apps.media.tasks.process_upload"
            )
        assert shown("photogram_dead_letters", task="apps.media.tasks.process_upload") == 2

    def test_scheduled_interval_of_each_job(self):
        each = IntervalSchedule.objects.create(every=2, period=IntervalSchedule.MINUTES)
        PeriodicTask.objects.create(name="a", task="apps.test.tasks.a", interval=each)
        PeriodicTask.objects.create(name="b", task="apps.test.tasks.b", interval=each, enabled=False)
        assert shown("photogram_job_period_seconds", task="apps.test.tasks.a") == 120
        assert shown("photogram_job_period_seconds", task="apps.test.tasks.b") is None

    def test_waiting_uploads_by_status(self, alice):
        now = timezone.now()
        MediaFactory(owner=alice)
        MediaFactory(owner=alice, status="pending")
        MediaFactory(owner=alice, status="uploaded", uploaded_at=now - timedelta(minutes=5), next_attempt_at=now)
        MediaFactory(owner=alice, status="processing", uploaded_at=now - timedelta(minutes=1), next_attempt_at=now)
        counts = [
            shown("photogram_media_waiting", status=status) for status in ("pending", "uploaded", "processing", "ready")
        ]
        assert counts == [1, 1, 1, 0]
        assert 290 <= shown("photogram_media_oldest_seconds", status="uploaded") < 360
        assert 50 <= shown("photogram_media_oldest_seconds", status="processing") < 120

    def test_pending_deletions(self):
        assert shown("photogram_pending_deletions_oldest_seconds") == 0
        PendingDeletion.objects.create(bucket="b", key="1", created_at=timezone.now() - timedelta(minutes=2))
        PendingDeletion.objects.create(bucket="b", key="2")
        assert shown("photogram_pending_deletions") == 2
        assert 110 <= shown("photogram_pending_deletions_oldest_seconds") < 180

    def test_pending_deliveries_by_channel(self, alice, bob):
        event = NotificationEvent.objects.create(
            notification=Notification.objects.create(recipient=alice, type="follow"),
            recipient=alice,
            actor=bob,
            cause=bob.pk,
        )
        Delivery.objects.create(event=event, channel="email", created_at=timezone.now() - timedelta(minutes=3))
        Delivery.objects.create(event=event, channel="push", status="sent")
        assert shown("photogram_deliveries_waiting", channel="email") == 1
        assert shown("photogram_deliveries_waiting", channel="push") == 0
        assert 170 <= shown("photogram_deliveries_oldest_seconds", channel="email") < 240
        assert shown("photogram_deliveries_oldest_seconds", channel="push") == 0

    def test_open_flags_and_appeals(self, alice, bob):
        Flag.objects.create(
            reporter=bob,
            target_type="user",
            target_id=alice.pk,
            subject=alice,
            category="spam",
            created_at=timezone.now() - timedelta(hours=2),
        )
        assert shown("photogram_moderation_open", kind="flag") == 1
        assert shown("photogram_moderation_open", kind="appeal") == 0
        assert 7190 <= shown("photogram_moderation_oldest_seconds", kind="flag") < 7260

    def test_database_and_dependencies(self, settings):
        assert shown("photogram_database_bytes") > 1_000_000
        assert 1 <= shown("photogram_database_connections") < shown("photogram_database_connections_limit")
        assert shown("photogram_dependency_up", dependency="database") == 1
        settings.REDIS_URL = "redis://127.0.0.1:1/0"
        assert shown("photogram_dependency_up", dependency="cache") == 0

    def test_heartbeat_age_by_kind_is_infinite_before_the_first(self):
        heartbeats.beat("worker:media@a")
        assert shown("photogram_heartbeat_age_seconds", name="worker:media@a", kind="media") < 60
        for name, kind in (("relay", "relay"), ("worker:worker", "worker"), ("queue:feed", "queue:feed")):
            assert shown("photogram_heartbeat_age_seconds", name=name, kind=kind) == math.inf
        assert shown("photogram_heartbeat_age_seconds", name="worker:media", kind="media") is None


# ── Counters and histograms ──────────────────────────────────────────────────────────────────────────────
def moved(name, **labels):
    """A function that says by how much the sample has grown since now."""
    before = REGISTRY.get_sample_value(name, labels) or 0
    return lambda: (REGISTRY.get_sample_value(name, labels) or 0) - before


class TestCounts:
    def test_requests_by_route_and_status_with_database_cost(self, api, alice):
        caller = api(alice)
        route = {"route": caller.get("/users/me").resolver_match.route}
        answered = moved("photogram_request_seconds_count", method="PATCH", status="200", **route)
        refused = moved("photogram_request_seconds_count", method="PATCH", status="400", **route)
        queries = moved("photogram_request_queries_total", **route)
        seconds = moved("photogram_request_database_seconds_total", **route)
        cached = moved("photogram_request_cache_seconds_total", **route)
        caller.patch("/users/me", {"bio": "x"})
        caller.patch("/users/me", {"website": "javascript:x"})
        assert (answered(), refused()) == (1, 1)
        assert queries() >= 2
        assert seconds() > 0
        assert cached() > 0

    def test_session_cache_reads_by_result(self, api, alice, settings):
        caller = api(alice)
        hit, miss, absent = (
            moved("photogram_cache_reads_total", cache="sessions", result=result)
            for result in ("hit", "miss", "absent")
        )
        caller.get("/auth/me")
        assert (hit(), miss(), absent()) == (0, 1, 0)
        caller.get("/auth/me")
        assert (hit(), miss(), absent()) == (1, 1, 0)
        settings.REDIS_URL = "redis://127.0.0.1:1/0"
        caller.get("/auth/me")
        assert (hit(), miss(), absent()) == (1, 1, 1)

    def test_feed_pages_by_source(self, api, alice):
        asked = moved("photogram_feed_pages_total", source="database")
        api(alice).get("/feed")
        api(alice).post("/feed/refresh")
        assert asked() == 2

    def test_deliveries_by_outcome(self, api, alice, bob, deliver):
        dropped = moved("photogram_deliveries_total", channel="email", outcome="dropped")
        api(alice).put("/notifications/preferences", {"like": {"in_app": True, "push": False, "email": True}})
        api(bob).post(f"/posts/{PostFactory(author=alice).pk}/like")
        deliver()
        assert dropped() == 1, "the address is not confirmed"

    def test_task_attempts_by_outcome_with_duration_and_log_line(self, json_log):
        task = "apps.media.tasks.process_upload"
        tries = moved("photogram_task_total", task=task, outcome="retry")
        runtime = moved("photogram_task_seconds_sum", task=task)
        task_finished(task, "retry", 1.5)
        assert (tries(), runtime()) == (1, 1.5)
        (line,) = [line for line in json_log() if line["logger"] == "photogram.task"]
        assert (line["event"], line["outcome"], line["duration_ms"]) == ("task", "retry", 1500)
