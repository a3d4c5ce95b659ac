"""Work that is done by one at a time."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from django.db import connection, transaction

from apps.core.db.locks import only_one, transaction_lock, try_transaction_lock
from devstack.process import die_with_parent
from tests.databases import url_of
from tests.threads import in_threads
from tests.waiting import eventually

pytestmark = pytest.mark.django_db(transaction=True)
ROOT = Path(__file__).resolve().parents[2]
# With the pool that every process but a test has.
HOLDER = """
import time
import django
django.setup()
from apps.core.db.locks import only_one
with only_one("a job") as first, only_one("a job") as second, only_one("another job") as other:
    print(first, second, other, flush=True)
    time.sleep(60)
"""


def held():
    """(state, whether it holds back vacuum) of the sessions that hold a lock of ours."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT state, backend_xmin IS NOT NULL OR backend_xid IS NOT NULL FROM pg_stat_activity JOIN pg_locks "
            "USING (pid) WHERE locktype = 'advisory' AND granted AND datname = current_database()"
        )
        return cursor.fetchall()


def test_lock_is_exclusive_until_it_is_released():
    with only_one("a job") as first:
        with only_one("a job") as second:
            assert (first, second) == (True, False)
        with only_one("a job") as third:
            assert not third
    with only_one("a job") as fourth:
        assert fourth


def test_transaction_lock_is_held_until_the_transaction_ends():
    with transaction.atomic():
        transaction_lock("a name")
        assert in_threads(1, tries_to_lock("a name")) == [False]
        assert in_threads(1, tries_to_lock("another name")) == [True]
    assert in_threads(1, tries_to_lock("a name")) == [True]


def tries_to_lock(name):
    return transaction.atomic(lambda: try_transaction_lock(name))


def test_one_of_many_concurrent_callers_gets_the_lock():
    attempted = threading.Barrier(5)

    def attempt():
        with only_one("a job") as first:
            attempted.wait(60)
            return first

    assert sorted(in_threads(5, attempt)) == [False, False, False, False, True]


def test_lock_is_released_after_an_exception():
    with pytest.raises(ValueError), only_one("a job"):
        raise ValueError
    with only_one("a job") as first:
        assert first


def test_lock_does_not_block_vacuum_and_ignores_the_idle_timeout():
    with only_one("a job"):
        assert held() == [("idle in transaction", False)]
        with connection.cursor() as cursor:
            cursor.execute("SHOW idle_in_transaction_session_timeout")
            assert cursor.fetchone() == ("30s",)
    assert held() == []


@pytest.mark.slow
def test_lock_of_a_killed_process_is_released_at_once():
    environment = {"DATABASE_URL": url_of(), "PHOTOGRAM_ENV": "development"}
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER],
        cwd=ROOT,
        env=os.environ | environment | {"DJANGO_SETTINGS_MODULE": "config.settings"},
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=die_with_parent(),
    )
    assert holder.stdout is not None
    with holder.stdout:
        assert holder.stdout.readline() == "True False True\n"
        with only_one("a job") as first:
            assert not first
        holder.kill()
        holder.wait(60)
    eventually(lambda: not held())
    with only_one("a job") as first:
        assert first


def test_work_continues_if_the_lock_connection_is_lost():
    with only_one("a job") as first:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_locks JOIN pg_stat_activity USING (pid) "
                "WHERE locktype = 'advisory' AND datname = current_database()"
            )
        assert first
