"""Structured logs: one event, one line; JSON in production, coloured for people in development."""

import logging.config

import structlog
from structlog.typing import Processor


def logging_config(*, log_format: str, level: str) -> None:
    """Configure structlog and the standard library's loggers to the same output on stderr."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]
    final: list[Processor] = (
        [structlog.processors.dict_tracebacks, structlog.processors.JSONRenderer()]
        if log_format == "json"
        else [structlog.dev.ConsoleRenderer()]
    )
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {
                "structured": {
                    "()": structlog.stdlib.ProcessorFormatter,
                    "processors": [structlog.stdlib.ProcessorFormatter.remove_processors_meta, *final],
                    "foreign_pre_chain": shared,
                }
            },
            "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "structured"}},
            "root": {"handlers": ["stderr"], "level": level},
            "loggers": {
                # Our own request line says what Django's would, with the request id.
                "django.server": {"level": "ERROR"},
                "django.request": {"level": "CRITICAL"},
                "botocore": {"level": "WARNING"},
                "urllib3": {"level": "WARNING"},
                # It logs whole URLs, signatures included.
                "httpx": {"level": "WARNING"},
                # A line per batch, five times a second, says nothing at rest.
                "django_celery_outbox.relay._relay": {"level": "WARNING"},
            },
        }
    )
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.PositionalArgumentsFormatter(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
