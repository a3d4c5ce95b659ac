"""Runs work in a process of its own, which is killed at a given place."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from devstack.process import die_with_parent
from tests.databases import url_of

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = """
import importlib, sys, time
import django
django.setup()
place, number, then, work, argument = sys.argv[1:]
owner, name = place.split(":")
module, *attributes = owner.split("/")
holder = importlib.import_module(module)
for attribute in attributes:
    holder = getattr(holder, attribute)
original, calls = getattr(holder, name), []

def halting(*args, **kwargs):
    calls.append(1)
    if len(calls) < int(number):
        return original(*args, **kwargs)
    if then == "after":
        original(*args, **kwargs)
    print("here", flush=True)
    time.sleep(60)

setattr(holder, name, halting)
module, name = work.split(":")
getattr(importlib.import_module(module), name)(argument)
"""


def killed_at(place: str, *, number: int = 1, then: str = "before", work: str, argument: object) -> None:
    """Run `work` ("module:function") with `argument`, and kill it (SIGKILL) before, or right after, the call with that
    number of `place` ("module/Class:name")."""
    # Another backend would print mails to the output that is read below.
    own = {"EMAIL_BACKEND": "django.core.mail.backends.dummy.EmailBackend", "DJANGO_SETTINGS_MODULE": "config.settings"}
    environment = os.environ | {"DATABASE_URL": url_of()} | own
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, place, str(number), then, work, str(argument)],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=die_with_parent(),
    )
    assert process.stdout is not None
    with process.stdout:
        assert process.stdout.readline() == "here\n", f"it never came to {place}"
        process.send_signal(signal.SIGKILL)
        assert process.wait(10) == -signal.SIGKILL
