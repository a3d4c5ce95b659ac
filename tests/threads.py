"""Threads with connections of their own, for tests with `django_db(transaction=True)`."""

import random
import threading
from collections.abc import Callable
from typing import Any, TypeVar

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
