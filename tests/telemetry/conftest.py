import io
import json
import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import structlog

from config.logging import DampedHandler, logging_config
from tests.conftest import disable_logger_cache


@pytest.fixture
def json_log() -> Iterator[Callable[[], list[dict[str, Any]]]]:
    """Logs as in production; call it for the lines so far."""
    structlog.contextvars.clear_contextvars()
    logging_config(log_format="json", level="INFO")
    disable_logger_cache()
    (handler,) = (handler for handler in logging.root.handlers if isinstance(handler, DampedHandler))
    written = io.StringIO()
    handler.setStream(written)
    try:
        yield lambda: [json.loads(line) for line in written.getvalue().splitlines()]
    finally:
        logging_config(log_format="console", level="WARNING")
        disable_logger_cache()
