"""Whether the broker answers."""

import redis
from django.conf import settings
from kombu import Connection

TIMEOUT_SECONDS = 2


def is_redis() -> bool:
    return bool(settings.CELERY_BROKER_URL.startswith(("redis://", "rediss://", "unix://")))


def is_server() -> bool:
    """SQS is a service without a connection that could be tried; the probes of the queues show whether it works."""
    return not settings.CELERY_BROKER_URL.startswith("sqs:")


def ping() -> None:
    """Raises an exception of the client library if the broker does not answer in time."""
    url = settings.CELERY_BROKER_URL
    if is_redis():
        with redis.Redis.from_url(
            url, socket_timeout=TIMEOUT_SECONDS, socket_connect_timeout=TIMEOUT_SECONDS
        ) as client:
            client.ping()
    else:
        options = settings.CELERY_BROKER_TRANSPORT_OPTIONS
        with Connection(url, connect_timeout=TIMEOUT_SECONDS, transport_options=options) as broker:
            broker.ensure_connection(max_retries=1, interval_start=0, timeout=TIMEOUT_SECONDS)
