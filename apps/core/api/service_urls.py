from django.urls import path
from django.views.generic import RedirectView
from rest_framework.routers import SimpleRouter

from apps.core.api.service import HealthViewSet, metrics

router = SimpleRouter(trailing_slash=False, use_regex_path=False)
router.register("health", HealthViewSet, basename="health")

urlpatterns = [
    # There is no front end here: a browser gets the documentation.
    path("", RedirectView.as_view(pattern_name="docs")),
    *router.urls,
    path("metrics", metrics),
]
