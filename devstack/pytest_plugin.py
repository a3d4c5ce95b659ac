"""Starts temporary servers for a test run, shared by all xdist workers. Loaded with `-p devstack.pytest_plugin`."""

import contextlib
import gc
import os

import pytest

from devstack.stack import temporary_stack

_servers = contextlib.ExitStack()


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    """Runs before Django reads its settings. An xdist worker inherits the servers of its controller."""
    os.environ["PHOTOGRAM_ENV"] = "test"
    options = early_config.known_args_namespace
    idle = any(getattr(options, name, False) for name in ("collectonly", "help", "version", "markers", "showfixtures"))
    if "PYTEST_XDIST_WORKER" in os.environ or idle:
        return
    os.environ.update(_servers.enter_context(temporary_stack(os.environ)).environment)


def pytest_collection_finish() -> None:
    """The tests and the modules stay until the end: collecting garbage among them took a seventh of the time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000)


def pytest_unconfigure() -> None:
    _servers.close()
