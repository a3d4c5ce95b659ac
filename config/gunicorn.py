"""gunicorn's settings: threads for waiting on PostgreSQL and Redis, a process per core for Python itself."""

import gc
import importlib
import os
import shutil
import tempfile
from typing import Any

bind = f"{os.environ.get('HOST', '127.0.0.1')}:{os.environ.get('PORT', '8000')}"
workers = int(os.environ.get("WEB_CONCURRENCY", "2"))
threads = int(os.environ.get("WEB_THREADS", "8"))
worker_class = "config.patience.PatientWorker"
timeout = 30
graceful_timeout = 25
keepalive = 5
# Request line and headers: 8 KiB each (a longer one is refused before Django sees it).
limit_request_line = 8190
limit_request_field_size = 8190
limit_request_fields = 64
# Against what leaks. Not often: a new worker remembers nothing, and its sessions plan every statement anew.
max_requests = 100_000
max_requests_jitter = 10_000
# Loaded once, before the workers are forked, so that they share its memory. A release needs a restart, not SIGHUP.
preload_app = True
# The structured request line of config/logging.py replaces gunicorn's access log.
accesslog = None
# Two copies on one machine would meet at its one path under the home folder.
control_socket_disable = True

# The workers' metrics are added up through files in one folder, fresh with every start.
os.environ["PROMETHEUS_MULTIPROC_DIR"] = tempfile.mkdtemp(prefix="photogram-metrics-")
# Imported only now: prometheus-client looks for the folder when it is imported.
metrics = importlib.import_module("config.metrics")
logs = importlib.import_module("config.logging")
# gunicorn's own lines look like all others.
logconfig_dict = logs.dict_config(
    log_format=os.environ.get("LOG_FORMAT") or logs.default_format(os.environ.get("PHOTOGRAM_ENV", "")),
    level=os.environ.get("LOG_LEVEL") or "INFO",
)


def when_ready(server: Any) -> None:
    """Before the first fork: what is there now is no garbage, and to look for some would copy its pages."""
    gc.collect()
    gc.freeze()


def pre_fork(server: Any, worker: Any) -> None:
    """It gets the lowest slot that no living worker has."""
    taken = {other.slot for other in server.WORKERS.values()}
    worker.slot = next(slot for slot in range(len(taken) + 1) if slot not in taken)


def post_fork(server: Any, worker: Any) -> None:
    metrics.take_slot(f"worker{worker.slot}")


def on_exit(server: Any) -> None:
    shutil.rmtree(os.environ["PROMETHEUS_MULTIPROC_DIR"], ignore_errors=True)
