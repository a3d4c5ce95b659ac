"""The settings of a deployment, with limits that count every request and stop none."""

from config.settings import *  # noqa: F403
from config.settings import RATE_LIMITS as _LIMITS
from config.settings import STORAGES as _STORAGES

RATE_LIMITS = {scope: (10_000_000, seconds) for scope, (_, seconds) in _LIMITS.items()}
# Nothing is collected; pages name static files without a hash.
STORAGES = _STORAGES | {"staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}}
