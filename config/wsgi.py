"""The WSGI entry point, for gunicorn."""

import os

from django.core.wsgi import get_wsgi_application
from django.urls import get_resolver

from apps.media import storage
from config import telemetry

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
telemetry.start("api")
application = get_wsgi_application()
# Reading the patterns imports all views before gunicorn forks, so that the workers share their memory.
get_resolver().url_patterns  # noqa: B018
# The same for the clients of object storage, whose description of S3 has 13 MB.
for alias in (storage.INTERACTIVE, storage.PRESIGNED):
    storage.client(alias)
