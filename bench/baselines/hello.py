"""Django's least: a view that answers a constant, in a project as `startproject` makes it."""

from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, JsonResponse
from django.urls import path

from bench.baselines import STARTPROJECT_MIDDLEWARE

settings.configure(
    SECRET_KEY="a benchmark signs nothing",
    ALLOWED_HOSTS=["127.0.0.1"],
    ROOT_URLCONF=__name__,
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions"],
    MIDDLEWARE=STARTPROJECT_MIDDLEWARE,
)


def hello(request: HttpRequest) -> JsonResponse:
    return JsonResponse({"hello": "world"})


urlpatterns = [path("hello", hello)]
application = get_wsgi_application()
