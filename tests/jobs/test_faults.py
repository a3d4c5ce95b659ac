"""A real broker, relay and worker, and what happens to their work when they are killed."""

import os
import signal
import time

import pytest
from django.db import connection

from apps.core.models import DeadLetter, QueuedTask
from apps.core.tasks import backlog, dead_letters
from apps.core.tasks.relay import KILLED
from config.queues import DEFAULT
from devstack.process import frozen
from tests.jobs.workshop import LEASE, STALLED, Workshop, own_database, tries
from tests.waiting import eventually

# What the processes do is committed, and so is what the tests do.
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("workshop"), pytest.mark.django_db(transaction=True)]


@pytest.fixture(scope="module")
def shop(django_db_setup, django_db_blocker, tmp_path_factory):
    with django_db_blocker.unblock(), own_database() as database:
        shop = Workshop(tmp_path_factory.mktemp("shop"), database)
        try:
            shop.start("worker")
            shop.start("relay")
            eventually(lambda: any(name.startswith("worker:") for name in backlog.pulses()))
            yield shop
        finally:
            shop.stop()


@pytest.fixture(autouse=True)
def account(shop, request):
    """Shown where a test fails."""
    yield
    request.node.add_report_section("teardown", "workshop", shop.account())


def is_settled():
    return not QueuedTask.objects.exists()


def test_a_consequence_comes_within_seconds_and_leaves_no_row(shop):
    begun = time.monotonic()
    path = shop.order("steady")
    eventually(lambda: tries(path) == 1)
    assert time.monotonic() - begun < 20, "a second on an idle machine"
    eventually(is_settled)


def test_a_flood_of_one_kind_of_work_holds_up_no_other_even_where_one_worker_does_all(shop):
    flood = [shop.order("slow", queue="media", seconds=1) for _ in range(20)]
    eventually(lambda: tries(flood[1]))
    notification = shop.order("steady", queue="notifications")
    eventually(lambda: tries(notification))
    assert sum(tries(path) for path in flood) < 10
    eventually(is_settled)


def sessions_of(shop, count):
    """Those that so many tasks were given."""
    paths = [shop.order("asking") for _ in range(count)]
    eventually(lambda: all(map(tries, paths)))
    eventually(is_settled)
    assert [tries(path) for path in paths] == [1] * count, "a task was given a session that was dead"
    return {path.read_text().strip() for path in paths}


def test_tasks_share_the_sessions_of_their_process_and_are_given_none_that_has_died(shop):
    """To make one costs more than most tasks do. The worker has two processes, whose pools begin with one or two."""
    before = sessions_of(shop, 20)
    assert len(before) <= 4
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(pid::int) FROM unnest(%s::text[]) AS pid", [list(before)])
    assert not sessions_of(shop, 20) & before


def test_c1_a_killed_pool_child_loses_nothing(shop):
    path = shop.order("slow", seconds=1)
    eventually(lambda: tries(path) == 1)
    os.kill(int(path.read_text()), signal.SIGKILL)
    eventually(lambda: path.with_suffix(".done").exists())
    eventually(is_settled)
    # Tried once more for each lease that it takes a new child to start.
    assert tries(path) >= 2


def test_c2_a_killed_worker_is_followed_by_another_as_soon_as_the_lease_is_over(shop):
    path = shop.order("slow", seconds=0.5)
    eventually(lambda: tries(path) == 1)
    shop.kill("worker")
    shop.start("worker")
    eventually(is_settled)
    assert path.with_suffix(".done").exists()
    # Announced, and so perhaps tried, once more for each lease that it takes the worker to start.
    assert tries(path) >= 2


def test_c10_a_worker_told_to_end_finishes_what_it_is_at(shop):
    path = shop.order("slow", seconds=1)
    eventually(lambda: tries(path) == 1)
    worker = shop.running.pop("worker")
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(120) == 0
    assert path.with_suffix(".done").exists()
    assert is_settled()
    shop.start("worker")


def test_c3_while_the_broker_is_away_deeds_wait_and_cost_the_same(shop):
    shop.broker.stop()
    begun = time.monotonic()
    paths = [shop.order("steady") for _ in range(20)]
    assert time.monotonic() - begun < 10, "each of them waited for the broker"
    shop.start_broker()
    eventually(lambda: all(tries(path) for path in paths))
    eventually(is_settled)


def test_c3_a_frozen_broker_holds_up_no_deed(shop):
    with frozen(shop.broker.server.process.pid):
        begun = time.monotonic()
        path = shop.order("steady")
        assert time.monotonic() - begun < 5
    eventually(lambda: tries(path) == 1)


def test_c4_what_a_flushed_broker_forgot_is_announced_again(shop):
    shop.kill("worker")
    paths = [shop.order("steady") for _ in range(20)]
    eventually(lambda: not QueuedTask.objects.filter(announced_at=None).exists())
    shop.broker_client().flushall()
    shop.start("worker")
    eventually(lambda: all(tries(path) for path in paths))
    eventually(is_settled)


def test_c5_a_relay_killed_before_it_announced_is_followed_by_another(shop):
    shop.kill("relay")
    path = shop.order("steady")
    time.sleep(0.5)
    assert tries(path) == 0
    shop.start("relay")
    shop.start("relay-two")
    eventually(lambda: tries(path) == 1)
    eventually(is_settled)
    shop.kill("relay-two")


def test_a_relay_told_to_end_announces_what_is_there_first(shop):
    os.kill(shop.running["relay"].pid, signal.SIGSTOP)
    path = shop.order("steady")
    shop.running["relay"].send_signal(signal.SIGTERM)
    shop.running["relay"].send_signal(signal.SIGCONT)
    assert shop.running.pop("relay").wait(120) == 0
    eventually(lambda: tries(path) == 1)
    shop.start("relay")


def test_c6_what_always_fails_is_a_dead_letter_after_five_tries_while_the_queue_moves_on(shop):
    failing, killing = shop.order("failing"), shop.order("killing")
    others = [shop.order("steady") for _ in range(10)]
    eventually(lambda: all(tries(path) for path in others))
    eventually(lambda: DeadLetter.objects.count() == 2)
    reasons = dict(DeadLetter.objects.values_list("task_name", "failure_reason"))
    assert reasons == {
        "tests.jobs.pranks.failing": "RuntimeError: as always",
        "tests.jobs.pranks.killing": KILLED,
    }
    assert (tries(failing), tries(killing)) == (5, 5)
    eventually(is_settled)

    assert dead_letters.retry(dead_letters.found(task="failing")) == 1
    eventually(lambda: tries(failing) == 10)


def test_c4_a_worker_that_consumes_no_more_ends_so_that_another_takes_its_place(shop):
    shop.kill("worker")
    worker = shop.start("worker-stalled", "--hostname", "stalled@%h", "--queues", "maintenance,feed")
    eventually(lambda: any("stalled@" in name for name in backlog.pulses()))
    path = shop.order("steady")
    eventually(lambda: tries(path) == 1)
    os.kill(worker.pid, signal.SIGUSR2)
    # What it had asked for already it may still take.
    waiting = [shop.order("steady") for _ in range(4)]
    assert worker.wait(120) is not None
    shop.running.pop("worker-stalled")
    assert not all(tries(path) for path in waiting)
    shop.start("worker")
    eventually(lambda: all(tries(path) for path in waiting))


def test_c4_a_worker_that_finds_much_to_do_after_a_long_rest_is_not_taken_for_deaf(shop):
    """It looks at the broker at the very moment at which work has come that it had no time to take."""
    worker = shop.running["worker"]
    time.sleep(STALLED + 1)
    os.kill(worker.pid, signal.SIGSTOP)
    paths = [shop.order("steady") for _ in range(10)]
    eventually(lambda: shop.broker_client().llen(DEFAULT) >= 9)
    os.kill(worker.pid, signal.SIGCONT)
    eventually(lambda: all(tries(path) for path in paths))
    assert worker.poll() is None
    eventually(is_settled)


def test_leases_are_shorter_than_a_minute(settings):
    """Those of the tests are shorter still."""
    assert LEASE < settings.TASK_LEASE.total_seconds() + 1 <= 60
