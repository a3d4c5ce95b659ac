"""The project's wiring; importing it gives Celery's `shared_task` its app."""

# Before anything that imports prometheus-client.
from apps.core.ops import prometheus  # isort: skip
from config import telemetry
from config.celery import app as celery_app

__all__ = ["celery_app", "prometheus", "telemetry"]
