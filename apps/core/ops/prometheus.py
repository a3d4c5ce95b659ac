"""The numbers of several processes as one: prometheus-client adds them up through files in one folder.

A file belongs to a slot, not to a process: a process that replaces another continues to count in its file. So a service
that replaces its processes for years has as many files as it ever had processes at once, and no count is lost.

Import this before anything that imports prometheus-client, which looks for the folder when it is imported.
"""

import atexit
import importlib
import os
import shutil
import tempfile
from typing import Any

import structlog

log = structlog.get_logger(__name__)


class _Process:
    """Of this process: its slot, and what answers on METRICS_PORT."""

    slot = ""
    server: Any = None


def _slot() -> str:
    return _Process.slot or str(os.getpid())


def _make_folder() -> None:
    """For this process and its children. It goes when this process ends."""
    folder = tempfile.mkdtemp(prefix="photogram-metrics-")
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder
    atexit.register(_remove, folder, os.getpid())


def _remove(folder: str, owner: int) -> None:
    if os.getpid() == owner:
        shutil.rmtree(folder, ignore_errors=True)


def take_slot(slot: str) -> None:
    """Call it in a child, with a name that no other running child has."""
    _Process.slot = slot
    if _Process.server is not None:
        # The parent answers; a child that outlived it would keep the port.
        _Process.server.socket.close()
        _Process.server = None


def serve_metrics() -> None:
    """Answer Prometheus on METRICS_PORT, if it is set: for processes that have no HTTP of their own."""
    port = os.environ.get("METRICS_PORT", "")
    if not port:
        return
    prometheus = importlib.import_module("prometheus_client")
    registry = importlib.import_module("apps.core.ops.metrics").registry
    host = os.environ.get("HOST", "127.0.0.1")
    try:
        _Process.server, _ = prometheus.start_http_server(int(port), host, registry())
    except OSError as error:
        # The process works without metrics; Prometheus sees that the port does not answer.
        log.error("metrics_port_unavailable", host=host, port=port, error=str(error))


# gunicorn.py has made the folder of the API's processes; a worker's is made here.
if os.environ.get("METRICS_PORT") and not os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
    _make_folder()
if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
    values: Any = importlib.import_module("prometheus_client.values")
    values.ValueClass = values.MultiProcessValue(_slot)
