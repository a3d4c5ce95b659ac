from django.urls import path
from rest_framework.routers import SimpleRouter

from apps.core.api.service import HealthViewSet, metrics

router = SimpleRouter(trailing_slash=False, use_regex_path=False)
router.register("health", HealthViewSet, basename="health")

urlpatterns = [
    *router.urls,
    path("metrics", metrics),
]
