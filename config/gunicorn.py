"""gunicorn's settings: threads for waiting on PostgreSQL and Redis, a process per core for Python itself."""

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
max_requests = 20_000
max_requests_jitter = 2_000
# The structured request line of config/logging.py replaces gunicorn's access log.
accesslog = None
# Two copies on one machine would meet at its one path under the home folder.
control_socket_disable = True

# The workers' metrics are added up through files in one folder, fresh with every start.
os.environ["PROMETHEUS_MULTIPROC_DIR"] = tempfile.mkdtemp(prefix="photogram-metrics-")
# Imported only now: prometheus-client looks for the folder when it is imported.
multiprocess = importlib.import_module("prometheus_client.multiprocess")
patience = importlib.import_module("config.patience")


def on_reload(server: Any) -> None:
    patience.generations.begin()


def child_exit(server: Any, worker: Any) -> None:
    multiprocess.mark_process_dead(worker.pid)


def on_exit(server: Any) -> None:
    shutil.rmtree(os.environ["PROMETHEUS_MULTIPROC_DIR"], ignore_errors=True)
