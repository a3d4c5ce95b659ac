"""Threads with connections of their own, for tests with `django_db(transaction=True)`."""

import random
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar

import pytest
from django.db import connection

from apps.accounts.models import User
from tests.factories import UserFactory

T = TypeVar("T")


def in_threads(count: int, work: Callable[[], T]) -> list[T]:
    """Run `work` in `count` threads at the same time. Returns the results. An exception in a thread fails the test."""
    results: list[T] = []
    errors: list[Exception] = []
    barrier = threading.Barrier(count)

    def run() -> None:
        barrier.wait()
        try:
            results.append(work())
        except Exception as error:
            errors.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=run) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise ExceptionGroup("threads failed", errors)
    return results


def meet_at(monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, *, count: int = 2, seconds: float = 0.3) -> None:
    """Let `count` threads wait for one another before they call `owner.name`, for at most `seconds`.

    Without the lock that the test is about, all of them have passed the check before one of them writes. With it, the
    others wait for the lock, and the first one goes on after `seconds`.
    """
    call, barrier = getattr(owner, name), threading.Barrier(count)

    def meet(*args: Any, **kwargs: Any) -> Any:
        with suppress(threading.BrokenBarrierError):
            barrier.wait(seconds)
        return call(*args, **kwargs)

    monkeypatch.setattr(owner, name, meet)


def in_own_connection(verb: Callable[..., T], *args: Any, **kwargs: Any) -> T:
    """Call `verb` in a thread of a pool and close the connection of the thread."""
    try:
        return verb(*args, **kwargs)
    finally:
        connection.close()


def somebody_waits_for_a_lock() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT EXISTS (SELECT 1 FROM pg_locks WHERE NOT granted)")
        return bool(cursor.fetchone()[0])


def in_crews(work: Callable[[list[User], random.Random], T]) -> list[T]:
    """Run `work` in ten threads, each with five users of its own and a random generator seeded by them."""
    users = [UserFactory() for _ in range(50)]
    groups = iter([users[n : n + 5] for n in range(0, 50, 5)])

    def run() -> T:
        group = next(groups)
        return work(group, random.Random(group[0].handle))

    return in_threads(10, run)
