from django.urls import path

from apps.core.api.service import HealthEndpoint, metrics

urlpatterns = [
    path("health/live", HealthEndpoint.as_view({"get": "live"})),
    path("health/ready", HealthEndpoint.as_view({"get": "ready"})),
    path("metrics", metrics),
]
