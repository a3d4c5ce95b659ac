"""Settings of gunicorn: one process per core runs Python, threads wait for PostgreSQL and Redis.

A thread reads its request from the socket, so a slow client would hold it. The reverse proxy prevents that, because it
buffers requests (config/deploy/Caddyfile, docs/operations.md).
"""

import gc
import importlib
import os
import shutil
import signal
import tempfile
from typing import Any

from django.conf import settings

# The workers add up their metrics through files in this directory, which is new at each start.
os.environ["PROMETHEUS_MULTIPROC_DIR"] = tempfile.mkdtemp(prefix="photogram-metrics-")
# Imported after that line, because they import apps.core.ops.prometheus, which reads the variable when it is imported.
prometheus = importlib.import_module("apps.core.ops.prometheus")
logs = importlib.import_module("config.logging")
environment = importlib.import_module("config.environment")
env, positive = environment.env, environment.positive

bind = f"{os.environ.get('HOST', '127.0.0.1')}:{os.environ.get('PORT', '8000')}"
workers = env.int("WEB_CONCURRENCY", 2, validate=positive)
threads = env.int("WEB_THREADS", 8, validate=positive)
worker_class = "gthread"
timeout = 30
graceful_timeout = 25
keepalive = 5
# gunicorn refuses a longer request line or header, or more headers, before Django sees the request.
limit_request_line = 8190
limit_request_field_size = 8190
limit_request_fields = 64
# Limits the effect of memory leaks. Not lower: each new worker prepares every statement again.
max_requests = 100_000
max_requests_jitter = 10_000
# Load the application before forking, so that workers share its memory. A release needs a restart, not SIGHUP.
preload_app = True
# The structured request line of config/logging.py replaces gunicorn's access log.
accesslog = None
# The socket has one path in the home directory, which two copies on one machine would share.
control_socket_disable = True
logconfig_dict = logs.dict_config(
    log_format=os.environ.get("LOG_FORMAT") or logs.default_format(os.environ.get("PHOTOGRAM_ENV", "")),
    level=os.environ.get("LOG_LEVEL") or "INFO",
)


def when_ready(server: Any) -> None:
    """Exclude what is loaded from garbage collection, which would copy the memory that the workers share."""
    gc.collect()
    gc.freeze()


def pre_fork(server: Any, worker: Any) -> None:
    """Give the new worker the lowest slot number that no other worker has."""
    taken = {other.slot for other in server.WORKERS.values()}
    worker.slot = next(slot for slot in range(len(taken) + 1) if slot not in taken)


def post_fork(server: Any, worker: Any) -> None:
    prometheus.take_slot(f"worker{worker.slot}")


def post_worker_init(worker: Any) -> None:
    """Close the listening socket on SIGTERM, so that the proxy sends new connections to the next process.

    gunicorn alone keeps it open until the last request is done, and then resets the connections that wait there.
    """

    def stop(signum: int, frame: Any) -> None:
        worker.handle_exit(signum, frame)
        worker.set_accept_enabled(False)
        for listener in worker.sockets:
            # By the event loop, which may be about to accept a connection.
            worker.method_queue.defer(listener.close)

    signal.signal(signal.SIGTERM, stop)


def pre_request(worker: Any, request: Any) -> None:
    """Close the connection after a request whose body is not read: one over the limit, or one in chunks, which Django
    takes for empty. gunicorn reads 64 KiB of it at most, and then closes the connection unannounced."""
    headers = dict(request.headers)
    length = headers.get("CONTENT-LENGTH", "0")
    if "TRANSFER-ENCODING" in headers or int(length) > settings.REQUEST_MAX_BYTES:
        request.force_close()


def on_exit(server: Any) -> None:
    shutil.rmtree(os.environ["PROMETHEUS_MULTIPROC_DIR"], ignore_errors=True)
