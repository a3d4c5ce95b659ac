"""The WSGI entry point, for gunicorn."""

import os

from django import db
from django.core.cache import close_caches
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.urls import get_resolver

from config import telemetry

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
telemetry.start("api")
application = get_wsgi_application()
# Views are imported now, before gunicorn forks: the workers share them, and no first request waits for them.
get_resolver().url_patterns  # noqa: B018  (reading it is what imports them)
# A request begins with nothing: the one before has given its session back, and statements are kept in no log.
request_started.disconnect(db.reset_queries)
request_started.disconnect(db.close_old_connections)
# django-redis keeps its connections, so there is nothing to close after each request.
request_finished.disconnect(close_caches)
