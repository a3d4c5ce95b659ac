"""The WSGI entry point, for gunicorn."""

import os

from django.core.wsgi import get_wsgi_application
from django.urls import get_resolver

from config import telemetry

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
telemetry.start("api")
application = get_wsgi_application()
# Views are imported now, before gunicorn forks: the workers share them, and no first request waits for them.
get_resolver().url_patterns  # noqa: B018  (reading it is what imports them)
