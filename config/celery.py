"""The Celery app. Its `delay` writes an outbox row in the caller's transaction; the relay talks to the broker."""

import os

from django_celery_outbox import OutboxCelery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

app = OutboxCelery("photogram")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
