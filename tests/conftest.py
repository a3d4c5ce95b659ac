"""Users, their API clients, and a fixture that runs enqueued tasks."""

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from typing import Any

import pytest
import structlog
from django.apps import apps
from django.conf import settings
from django.contrib.auth.models import Group
from django.core.cache import caches
from django.core.management import call_command
from django.core.signals import setting_changed
from django.db import connection, transaction
from django.dispatch import receiver
from rest_framework.test import APIClient

from apps.accounts import services, tokens
from apps.accounts.models import User
from apps.core import cache
from apps.core.models import QueuedTask
from apps.core.ops import health
from apps.safety import newcomers, terms
from apps.site import reads as site
from config.celery import app
from tests.factories import BlockFactory, FollowFactory, UserFactory


class Caller(APIClient):
    """An API client for JSON, signed in as a user or anonymous (None). Paths are relative to /v1."""

    def __init__(self, user: User | None = None) -> None:
        super().__init__()
        self.user = user
        if user is not None:
            self.login = services.open_session(user)
            self.credentials(HTTP_AUTHORIZATION=f"Bearer {tokens.access_token(self.login)}")

    def generic(
        self, method: str, path: str, data: Any = "", content_type: str = "application/json", **extra: Any
    ) -> Any:
        if path.startswith("/") and not path.startswith(("/v1/", "/health", "/metrics", "/admin")):
            path = f"/v1{path}"
        return super().generic(method, path, data, content_type, **extra)

    def _encode_data(self, data: Any, format: str | None = None, content_type: str | None = None) -> Any:
        return super()._encode_data(data, format or (None if content_type else "json"), content_type)


@receiver(setting_changed)
def follow_redis_url(*, setting: str, value: Any, **_: Any) -> None:
    """A test that changes REDIS_URL changes the server of the cache."""
    if setting == "REDIS_URL":
        settings.CACHES["default"]["LOCATION"] = value
        with suppress(AttributeError):
            del caches["default"]


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: Any) -> None:
    """Tests that commit truncate all tables afterwards, which triggers of the audit logs would refuse."""
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        cursor.execute("ALTER TABLE moderation_moderationaction DISABLE TRIGGER audit_is_never_emptied")
        cursor.execute("ALTER TABLE moderation_staffact DISABLE TRIGGER staff_acts_are_never_emptied")


def disable_logger_cache() -> None:
    """Disable the caching of loggers, because tests change their configuration."""
    structlog.configure(**structlog.get_config() | {"cache_logger_on_first_use": False})


@pytest.fixture(scope="session", autouse=True)
def _uncached_loggers() -> None:
    disable_logger_cache()


@pytest.fixture(scope="session", autouse=True)
def _buckets() -> None:
    call_command("ensure_buckets", verbosity=0, stdout=io.StringIO())


@pytest.fixture(autouse=True)
def _probes_in_the_request(monkeypatch: pytest.MonkeyPatch) -> None:
    """Health checks and scrapes probe by themselves: other threads do not see the transaction of the test."""
    monkeypatch.setattr(health, "results", health.probe)


@pytest.fixture(autouse=True)
def _clean_state(settings: Any) -> Iterator[None]:
    """Disable rate limits, and remove what another test left in Redis or in memory."""
    settings.RATE_LIMITS_ENABLED = False
    clear_caches()
    return


def clear_caches() -> None:
    """Remove what is kept in Redis or in memory."""
    terms.in_force.clear()
    newcomers.in_force.clear()
    site.clear()
    cache.breaker.reset()
    cache.call(_delete_keys)


@contextmanager
def rolled_back() -> Iterator[None]:
    """Undo the changes of the block, so that the next row of a table of tests starts from the same state."""
    try:
        with transaction.atomic():
            yield
            transaction.set_rollback(True)
    finally:
        clear_caches()


def _delete_keys(client: Any) -> None:
    for key in client.scan_iter(match=cache.key("*"), count=1000):
        client.delete(key)


@pytest.fixture
def alice(db: None) -> User:
    """The author."""
    return UserFactory(handle="alice")


@pytest.fixture
def bob(alice: User) -> User:
    """Follows alice."""
    bob = UserFactory(handle="bob")
    FollowFactory(follower=bob, followed=alice)
    return bob


@pytest.fixture
def carol(db: None) -> User:
    """A stranger to alice."""
    return UserFactory(handle="carol")


@pytest.fixture
def mallory(alice: User) -> User:
    """Blocked by alice."""
    mallory = UserFactory(handle="mallory")
    BlockFactory(blocker=alice, blocked=mallory)
    return mallory


@pytest.fixture
def mod(db: None) -> User:
    """A moderator."""
    mod = UserFactory(handle="mod", is_staff=True)
    mod.groups.add(Group.objects.get(name="moderator"))
    return mod


@pytest.fixture
def reason_templates(db: None) -> None:
    """The templates that migrations create: tests that commit truncate all tables afterwards."""
    for name in ("0008_reason_templates", "0019_graded_measures"):
        import_module(f"apps.moderation.migrations.{name}").make_templates(apps, None)
    import_module("apps.moderation.migrations.0022_plain_reasons").rewrite(apps, None)


@pytest.fixture
def api() -> Callable[[User | None], Caller]:
    """`api(alice).get("/feed")`; `api(None)` is anonymous."""
    return lambda user=None: Caller(user)


@pytest.fixture
def anonymous() -> Caller:
    return Caller()


@pytest.fixture
def deliver(db: None) -> Callable[[], list[str]]:
    """Run all enqueued tasks, including those that they enqueue, in this process. Returns their names."""
    app.loader.import_default_modules()  # registers all tasks, like a worker

    def run() -> list[str]:
        done: list[str] = []
        while row := QueuedTask.objects.order_by("id").first():
            row.delete()
            app.tasks[row.task_name].apply(args=row.args, kwargs=row.kwargs, throw=True)
            done.append(row.task_name)
        return done

    return run
