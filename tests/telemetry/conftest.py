import io
import json
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import structlog

from config.logging import DampedHandler, logging_config
from tests.conftest import disable_logger_cache


@pytest.fixture
def json_log() -> Iterator[Callable[[], list[dict[str, Any]]]]:
    """Logs as in production; call it for the lines so far."""
    with _written("json") as lines:
        yield lambda: [json.loads(line) for line in lines()]


@pytest.fixture
def console_log() -> Iterator[Callable[[], list[str]]]:
    """Logs as in development; call it for the lines so far."""
    with _written("console") as lines:
        yield lines


@contextmanager
def _written(log_format: str) -> Iterator[Callable[[], list[str]]]:
    structlog.contextvars.clear_contextvars()
    logging_config(log_format=log_format, level="INFO")
    disable_logger_cache()
    (handler,) = (handler for handler in logging.root.handlers if isinstance(handler, DampedHandler))
    written = io.StringIO()
    handler.setStream(written)
    try:
        yield lambda: written.getvalue().splitlines()
    finally:
        logging_config(log_format="console", level="WARNING")
        disable_logger_cache()
