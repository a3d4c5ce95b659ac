"""The WSGI entry point, for gunicorn."""

import os

from django.core.wsgi import get_wsgi_application
from django.urls import reverse

from apps.media import storage
from config import telemetry

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
telemetry.start("api")
application = get_wsgi_application()
# The first URL imports all views and compiles the patterns before gunicorn forks, so that the workers share the memory,
# 7 MB for each. The console has a resolver of its own.
for view in ("web:login", "admin:index"):
    reverse(view)
# The same for the clients of object storage, whose description of S3 has 13 MB.
for alias in (storage.INTERACTIVE, storage.PRESIGNED):
    storage.client(alias)
