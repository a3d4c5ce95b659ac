"""The settings of the dispatcher: those of `config/settings.py` with the apps that the scheduler and the relay need.

They enqueue and send tasks by name and run none, so all other apps would only need memory.
"""

from config.settings import *  # noqa: F403

INSTALLED_APPS = ["django_celery_beat", "apps.core"]
