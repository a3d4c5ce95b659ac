"""What a task does with its connection to the database."""

import pytest
from celery import shared_task
from django.db import DEFAULT_DB_ALIAS, InterfaceError, OperationalError, connections

from apps.core.db import deadline
from apps.core.tasks import outbox


@shared_task
def idle(**_):
    return None


@pytest.fixture
def closed(monkeypatch):
    """What was done, in order."""
    done = []
    own = connections[DEFAULT_DB_ALIAS]
    monkeypatch.setattr(own, "close", lambda: done.append("given back"))
    monkeypatch.setattr(own, "close_if_unusable_or_obsolete", lambda: done.append("given back"))
    monkeypatch.setattr(own, "close_pool", lambda: done.append("pool given up"), raising=False)
    return done


def run_as_a_worker_does():
    idle.push_request(id="0190b3c2-617e-7344-973f-6fabd1d61dd2", is_eager=False, called_directly=False)
    try:
        return idle()
    finally:
        idle.pop_request()


@pytest.mark.promise("C8")
@pytest.mark.parametrize("error", [OperationalError, InterfaceError])
def test_task_resets_the_pool_if_the_database_is_unavailable(closed, monkeypatch, error):
    def away(*_, **__):
        raise error("away")

    monkeypatch.setattr(outbox, "begin_attempt", away)
    with pytest.raises(error):
        run_as_a_worker_does()
    assert closed == ["given back", "pool given up", "given back"]


def test_task_returns_its_connection_to_the_pool(closed, monkeypatch):
    monkeypatch.setattr(outbox, "begin_attempt", lambda *_, **__: 1)
    monkeypatch.setattr(outbox, "finish", lambda _: None)
    run_as_a_worker_does()
    assert closed == ["given back"]


def test_resetting_the_pool_without_a_pool_does_nothing():
    deadline.reset_pool()
