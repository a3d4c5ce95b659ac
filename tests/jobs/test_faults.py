"""A real broker, relay and worker, and what happens to tasks when these are killed."""

import os
import signal
import time

import pytest
from django.db import connection

from apps.core.models import DeadLetter, Heartbeat, QueuedTask
from apps.core.tasks import backlog, dead_letters
from apps.core.tasks.relay import KILLED
from config.queues import DEFAULT
from devstack.process import frozen
from tests.jobs.harness import LEASE, STALLED, Harness, attempts, own_database
from tests.waiting import eventually

# Tests and processes commit, because they share a database.
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("harness"), pytest.mark.django_db(transaction=True)]


@pytest.fixture(scope="module")
def harness(django_db_setup, django_db_blocker, tmp_path_factory):
    with django_db_blocker.unblock(), own_database() as database:
        harness = Harness(tmp_path_factory.mktemp("harness"), database)
        try:
            harness.start("worker")
            harness.start("relay")
            eventually(lambda: any(name.startswith("worker:") for name in backlog.pulses()))
            yield harness
        finally:
            harness.stop()


@pytest.fixture(autouse=True)
def _report(harness, request):
    """Shown if a test fails."""
    yield
    request.node.add_report_section("teardown", "processes", harness.report())


def is_settled():
    return not QueuedTask.objects.exists()


def test_task_runs_within_seconds_and_leaves_no_row(harness):
    begun = time.monotonic()
    path = harness.enqueue("succeeding")
    eventually(lambda: attempts(path) == 1)
    assert time.monotonic() - begun < 20, "a second on an idle machine"
    eventually(is_settled)


def test_full_queue_does_not_delay_another_queue_of_the_same_worker(harness):
    flood = [harness.enqueue("slow", queue="media", seconds=1) for _ in range(20)]
    eventually(lambda: attempts(flood[1]))
    notification = harness.enqueue("succeeding", queue="notifications")
    eventually(lambda: attempts(notification))
    assert sum(attempts(path) for path in flood) < 10
    eventually(is_settled)


def backends_of(harness, count):
    """The backend ids of the connections that `count` tasks use."""
    paths = [harness.enqueue("recording_backend") for _ in range(count)]
    eventually(lambda: all(map(attempts, paths)))
    eventually(is_settled)
    assert [attempts(path) for path in paths] == [1] * count, "a task got a closed connection"
    return {path.read_text().strip() for path in paths}


def test_tasks_share_pooled_connections_and_get_no_closed_one(harness):
    """Opening a connection costs more than most tasks. Each of the two processes has one or two connections."""
    before = backends_of(harness, 20)
    assert len(before) <= 4
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(pid::int) FROM unnest(%s::text[]) AS pid", [list(before)])
    assert not backends_of(harness, 20) & before


@pytest.mark.promise("C1")
def test_task_of_a_killed_child_process_is_run_again(harness):
    path = harness.enqueue("slow", seconds=1)
    eventually(lambda: attempts(path) == 1)
    os.kill(int(path.read_text()), signal.SIGKILL)
    eventually(lambda: path.with_suffix(".done").exists())
    eventually(is_settled)
    # One more attempt for each lease that a new child needs to start.
    assert attempts(path) >= 2


@pytest.mark.promise("C2")
def test_task_of_a_killed_worker_is_run_again_after_the_lease(harness):
    path = harness.enqueue("slow", seconds=0.5)
    eventually(lambda: attempts(path) == 1)
    harness.kill("worker")
    harness.start("worker")
    eventually(is_settled)
    assert path.with_suffix(".done").exists()
    # Announced, and perhaps attempted, once more for each lease that the worker needs to start.
    assert attempts(path) >= 2


@pytest.mark.promise("C10")
def test_worker_finishes_its_task_on_sigterm(harness):
    path = harness.enqueue("slow", seconds=1)
    eventually(lambda: attempts(path) == 1)
    worker = harness.running.pop("worker")
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(120) == 0
    assert path.with_suffix(".done").exists()
    assert is_settled()
    harness.start("worker")


@pytest.mark.promise("C3")
def test_tasks_are_enqueued_without_delay_while_the_broker_is_down(harness):
    harness.broker.stop()
    begun = time.monotonic()
    paths = [harness.enqueue("succeeding") for _ in range(20)]
    assert time.monotonic() - begun < 10, "enqueueing waited for the broker"
    harness.start_broker()
    eventually(lambda: all(attempts(path) for path in paths))
    eventually(is_settled)


@pytest.mark.promise("C3")
def test_tasks_are_enqueued_without_delay_while_the_broker_hangs(harness):
    with frozen(harness.broker.server.process.pid):
        begun = time.monotonic()
        path = harness.enqueue("succeeding")
        assert time.monotonic() - begun < 5
    eventually(lambda: attempts(path) == 1)


@pytest.mark.promise("C4")
def test_tasks_are_announced_again_after_the_broker_lost_its_data(harness):
    harness.kill("worker")
    paths = [harness.enqueue("succeeding") for _ in range(20)]
    eventually(lambda: not QueuedTask.objects.filter(announced_at=None).exists())
    harness.broker_client().flushall()
    harness.start("worker")
    eventually(lambda: all(attempts(path) for path in paths))
    eventually(is_settled)


@pytest.mark.promise("C5")
def test_tasks_of_a_killed_relay_are_announced_by_another(harness):
    harness.kill("relay")
    path = harness.enqueue("succeeding")
    time.sleep(0.5)
    assert attempts(path) == 0
    harness.start("relay")
    harness.start("relay-two")
    eventually(lambda: attempts(path) == 1)
    eventually(is_settled)
    harness.kill("relay-two")


def test_relay_announces_pending_tasks_before_it_ends(harness):
    # Until the relay has started, SIGTERM ends it at once.
    first = harness.enqueue("succeeding")
    eventually(lambda: attempts(first) == 1)
    os.kill(harness.running["relay"].pid, signal.SIGSTOP)
    path = harness.enqueue("succeeding")
    harness.running["relay"].send_signal(signal.SIGTERM)
    harness.running["relay"].send_signal(signal.SIGCONT)
    assert harness.running.pop("relay").wait(120) == 0
    eventually(lambda: attempts(path) == 1)
    harness.start("relay")


def test_dispatcher_is_relay_and_scheduler(harness):
    harness.kill("relay")
    Heartbeat.objects.all().delete()
    dispatcher = harness.start("dispatcher")
    path = harness.enqueue("succeeding")
    eventually(lambda: attempts(path) == 1)
    eventually(lambda: Heartbeat.objects.filter(name__in=["relay", "scheduler"]).count() == 2)
    dispatcher.send_signal(signal.SIGTERM)
    assert harness.running.pop("dispatcher").wait(10) == 0
    harness.start("relay")


@pytest.mark.promise("C6")
def test_failing_task_becomes_a_dead_letter_after_five_attempts(harness):
    failing, killing = harness.enqueue("failing"), harness.enqueue("killing_process")
    others = [harness.enqueue("succeeding") for _ in range(10)]
    eventually(lambda: all(attempts(path) for path in others))
    eventually(lambda: DeadLetter.objects.count() == 2)
    reasons = dict(DeadLetter.objects.values_list("task_name", "failure_reason"))
    assert reasons == {
        "tests.jobs.faulty_tasks.failing": "RuntimeError: as always",
        "tests.jobs.faulty_tasks.killing_process": KILLED,
    }
    assert (attempts(failing), attempts(killing)) == (5, 5)
    eventually(is_settled)

    assert dead_letters.retry(dead_letters.found(task="failing")) == 1
    eventually(lambda: attempts(failing) == 10)


@pytest.mark.promise("C4")
def test_worker_that_stops_consuming_ends_itself(harness):
    harness.kill("worker")
    worker = harness.start("worker-stalled", "--hostname", "stalled@%h", "--queues", "maintenance,feed")
    eventually(lambda: any("stalled@" in name for name in backlog.pulses()))
    path = harness.enqueue("succeeding")
    eventually(lambda: attempts(path) == 1)
    os.kill(worker.pid, signal.SIGUSR2)
    # It may still process messages that it had already requested.
    waiting = [harness.enqueue("succeeding") for _ in range(4)]
    assert worker.wait(120) is not None
    harness.running.pop("worker-stalled")
    assert not all(attempts(path) for path in waiting)
    harness.start("worker")
    eventually(lambda: all(attempts(path) for path in waiting))


@pytest.mark.promise("C4")
def test_worker_that_resumes_after_a_long_pause_is_not_ended(harness):
    """It checks the broker at the moment when messages have arrived that it could not consume yet."""
    worker = harness.running["worker"]
    time.sleep(STALLED + 1)
    os.kill(worker.pid, signal.SIGSTOP)
    paths = [harness.enqueue("succeeding") for _ in range(10)]
    eventually(lambda: harness.broker_client().llen(DEFAULT) >= 9)
    os.kill(worker.pid, signal.SIGCONT)
    eventually(lambda: all(attempts(path) for path in paths))
    assert worker.poll() is None
    eventually(is_settled)


def test_lease_is_shorter_than_a_minute(settings):
    """The leases in these tests are shorter."""
    assert LEASE < settings.TASK_LEASE.total_seconds() + 1 <= 60
