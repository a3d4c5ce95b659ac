"""The settings of workers: those of `config/settings.py` without the apps that only serve requests.

A worker renders mails and sends links to pages and to the console. With all apps it would need 20 MB more, and each
child another 16 MB for the template tags of these apps.
"""

from config.settings import *  # noqa: F403
from config.settings import INSTALLED_APPS as _ALL

_FOR_REQUESTS = {
    "unfold",
    "whitenoise.runserver_nostatic",
    "corsheaders",
    "rest_framework",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "apps.console",
    "apps.web",
    "django_htmx",
}
# The model of the admin refers to users. This configuration of the app imports no `admin.py`.
_NAMES = {"django.contrib.admin": "django.contrib.admin.apps.SimpleAdminConfig"}
INSTALLED_APPS = [_NAMES.get(app, app) for app in _ALL if app not in _FOR_REQUESTS]
