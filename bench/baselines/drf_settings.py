"""For the feed of `drf.py`: the same models and pooled connections, and of all else what a new project begins with."""

from bench.baselines import STARTPROJECT_MIDDLEWARE
from config.settings import *  # noqa: F403

ROOT_URLCONF = "bench.baselines.drf"
MIDDLEWARE = STARTPROJECT_MIDDLEWARE
REST_FRAMEWORK = {
    # The view names its own, which is not there yet when these are read.
    "DEFAULT_AUTHENTICATION_CLASSES": [],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
}
