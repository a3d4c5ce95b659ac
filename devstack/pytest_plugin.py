"""The tests' servers: fresh, temporary, one set for all xdist workers. Loaded with `-p devstack.pytest_plugin`."""

import os
import shutil
import tempfile
from pathlib import Path

import pytest

from devstack.stack import Stack

_stack: Stack | None = None


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    """Before Django's settings are read. An xdist worker inherits the servers of its controller."""
    global _stack
    os.environ["PHOTOGRAM_ENV"] = "test"
    options = early_config.known_args_namespace
    idle = getattr(options, "collectonly", False) or getattr(options, "help", False)
    if "PYTEST_XDIST_WORKER" in os.environ or idle or _stack is not None:
        return
    folder = Path(tempfile.mkdtemp(prefix="photogram-tests-"))
    if os.geteuid() == 0:
        folder.chmod(0o755)
    _stack = Stack(folder, os.environ, durable=False).__enter__()
    os.environ.update(_stack.environment)


def pytest_unconfigure(config: pytest.Config) -> None:
    global _stack
    if _stack is not None:
        _stack.stop()
        shutil.rmtree(_stack.state, ignore_errors=True)
        _stack = None
