"""The project's wiring; importing it gives Celery's `shared_task` its app."""

from config.celery import app as celery_app

__all__ = ["celery_app"]
