"""A job as a worker runs it, for a process of its own."""

from config.celery import app


def run(name: str) -> None:
    app.loader.import_default_modules()
    app.tasks[name]()
