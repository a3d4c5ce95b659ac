"""The settings of workers: those of `config/settings.py` without the console.

A worker sends links to the console, but serves none of its pages. Unfold and the admin classes would need 21 MB.
"""

from config.settings import *  # noqa: F403
from config.settings import INSTALLED_APPS as _ALL

_CONSOLE = {"unfold", "django.contrib.admin", "apps.console"}
# The admin has a model with a foreign key to users. Its plain configuration imports no `admin.py`.
INSTALLED_APPS = ["django.contrib.admin.apps.SimpleAdminConfig", *(app for app in _ALL if app not in _CONSOLE)]
