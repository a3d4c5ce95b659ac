"""The dispatcher: the scheduler and the relay in one process."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError

from apps.core.tasks import scheduler
from apps.core.tasks.relay import Relay

ROOT = Path(__file__).resolve().parents[2]
IMPORTED = """
import sys, django
django.setup()
import apps.core.management.commands.dispatcher
print(*sys.modules)
"""


class FakeScheduler:
    """Its ticks raise `errors`, one after the other, and then set `ticked`."""

    errors: list[Exception] = []
    ticked = threading.Event()
    closed = threading.Event()

    def __init__(self, **_: Any) -> None:
        self._errors = iter(self.errors)

    def tick(self) -> float:
        if error := next(self._errors, None):
            raise error
        self.ticked.set()
        return 60.0

    def close(self) -> None:
        self.closed.set()


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[FakeScheduler]]:
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    monkeypatch.setattr(scheduler, "Scheduler", FakeScheduler)
    monkeypatch.setattr(scheduler, "PAUSE", 0.0)
    monkeypatch.setattr(FakeScheduler, "ticked", threading.Event())
    monkeypatch.setattr(FakeScheduler, "closed", threading.Event())
    yield FakeScheduler
    for number, handler in handlers.items():
        signal.signal(number, handler)


def relay_that_stops(monkeypatch: pytest.MonkeyPatch, *, after: threading.Event | None = None) -> None:
    """A relay without a database. It sends SIGTERM to this process as soon as `after` is set."""
    stopping = threading.Event()

    def run(relay: Relay) -> None:
        if after is not None:
            assert after.wait(10)
            os.kill(os.getpid(), signal.SIGTERM)
        assert stopping.wait(10)

    monkeypatch.setattr(Relay, "run", run)
    monkeypatch.setattr(Relay, "stop", lambda relay: stopping.set())


def test_scheduler_continues_after_an_outage_and_ends_on_sigterm(
    fake: type[FakeScheduler], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fake, "errors", [OperationalError("the database is unavailable")])
    relay_that_stops(monkeypatch, after=fake.ticked)
    call_command("dispatcher")
    assert fake.closed.is_set()


def test_dispatcher_fails_if_its_scheduler_ends(fake: type[FakeScheduler], monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever runs it then starts another."""
    monkeypatch.setattr(fake, "errors", [RuntimeError("a bug")])
    relay_that_stops(monkeypatch)
    with pytest.raises(CommandError, match="scheduler has ended"):
        call_command("dispatcher")


def test_dispatcher_loads_no_app_but_core() -> None:
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "config.dispatcher_settings"}
    argv = [sys.executable, "-c", IMPORTED]
    modules = subprocess.run(argv, cwd=ROOT, env=environment, check=True, capture_output=True, text=True).stdout.split()
    assert {name for name in modules if name.startswith("apps.") and ".models" in name} == {"apps.core.models"}
    assert not {"rest_framework", "unfold", "PIL", "numpy", "django.contrib.admin", "boto3"} & set(modules)
