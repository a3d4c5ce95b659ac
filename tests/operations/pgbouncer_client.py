"""Run as a program behind a PgBouncer with fewer sessions than this process has threads. Prints its results as JSON.

It does what would fail if the code kept state in a session of the server.
"""

import json
import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

from django.core.management import call_command  # noqa: E402
from django.db import connection, transaction  # noqa: E402
from rest_framework.test import APIClient  # noqa: E402

from apps.accounts.models import User  # noqa: E402
from apps.core import privacy  # noqa: E402
from apps.core.models import QueuedTask  # noqa: E402
from apps.social.models import Follow  # noqa: E402

PEOPLE = 12
PASSWORD = "correct horse battery staple"
together = threading.Barrier(4)


def expect(answer, status):
    assert answer.status_code == status, (answer.request["PATH_INFO"], answer.status_code, answer.content)
    return answer.json()


def person(number: int) -> APIClient:
    """Sign up with an idempotency key (which takes an advisory lock) and sign in."""
    client = APIClient()
    handle = f"person{number}"
    body = {"handle": handle, "email": f"{handle}@example.org", "password": PASSWORD}
    for _ in range(2):
        expect(client.post("/v1/users", body, format="json", headers={"Idempotency-Key": handle}), 201)
    tokens = expect(client.post("/v1/auth/token", {"login": handle, "password": PASSWORD}, format="json"), 200)
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {tokens['access']}")
    return client


def use_api(number: int) -> int:
    client = person(number)
    expect(client.post("/v1/users/@person0/follow"), 200)
    expect(client.patch("/v1/users/me", {"bio": f"I am {number}"}, format="json"), 200)
    for path in (
        "/feed",
        "/users/@person0/posts",
        "/users/@person0/followers",
        "/notifications",
        "/search/users?q=person",
    ):
        expect(client.get(f"/v1{path}"), 200)
    return number


def iterate(_: int) -> int:
    """Read rows with `.iterator()` while other threads do the same in the same sessions."""
    together.wait(30)
    seen = 0
    for _row in Follow.objects.order_by("id").iterator(chunk_size=2):
        User.objects.first()
        seen += 1
    connection.close()
    return seen


def set_local_timeout(number: int) -> str:
    """A setting of SET LOCAL must not be visible to the next transaction of the session."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = %s", [f"{number + 100}s"])
    with connection.cursor() as cursor:
        cursor.execute("SHOW statement_timeout")
        found: str = cursor.fetchone()[0]
    connection.close()
    return found


call_command("migrate", verbosity=0)
person(0)
with ThreadPoolExecutor(4) as threads:
    done = sorted(threads.map(use_api, range(1, PEOPLE)))
    seen = sorted(threads.map(iterate, range(4)))
    timeouts = sorted(set(threads.map(set_local_timeout, range(8))))
exported = sum(
    1 for context in privacy.in_dependency_order() for _ in context.export_user(User.objects.get(handle="person1").pk)
)
with connection.cursor() as cursor:
    ours = "usename = current_user AND backend_type = 'client backend'"
    cursor.execute(f"SELECT count(DISTINCT pid) FROM pg_stat_activity WHERE {ours}")
    sessions = cursor.fetchone()[0]
json.dump(
    {
        "people": User.objects.count(),
        "done": done,
        "seen": seen,
        "timeouts": timeouts,
        "exported": exported,
        "outbox": QueuedTask.objects.count(),
        "sessions": sessions,
    },
    sys.stdout,
)
