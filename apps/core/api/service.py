"""What operators and client developers ask of the service itself: health, metrics, the schema and its pages."""

import secrets
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe
from drf_spectacular.utils import extend_schema
from drf_spectacular.views import SpectacularAPIView, SpectacularRedocView, SpectacularSwaggerSplitView
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from rest_framework import serializers
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.request import Request

from apps.core.api import problems
from apps.core.api.responses import Response
from apps.core.api.schema import documented
from apps.core.api.views import Endpoint
from apps.core.errors import NotFound
from apps.core.ops import health
from apps.core.ops.metrics import GaugeCollector
from config.metrics import registry


class Health(serializers.Serializer[Any]):
    status = serializers.ChoiceField(choices=["ok", "degraded", "unavailable"])
    checks = serializers.DictField(child=serializers.ChoiceField(choices=["up", "down"]))


class HealthEndpoint(Endpoint):
    """Never limited, never authenticated: load balancers ask."""

    open_to_all = frozenset({"live", "ready"})
    authentication_classes = []
    throttle_classes = []

    @documented(summary="Is the process alive?", responses={200: Health})
    def live(self, request: Request) -> Response:
        return Response({"status": "ok", "checks": {}})

    @documented(summary="Can requests be served? Each dependency by name.", responses={200: Health, 503: Health})
    def ready(self, request: Request) -> Response:
        status, checks = health.report()
        return Response({"status": status, "checks": checks}, status=503 if status == "unavailable" else 200)


@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """Prometheus' text format; with METRICS_TOKEN set, for its bearers only."""
    expected = f"Bearer {settings.METRICS_TOKEN}"
    if settings.METRICS_TOKEN and not secrets.compare_digest(
        request.headers.get("Authorization", "").encode(), expected.encode()
    ):
        return problems.answer(NotFound(), request)
    return HttpResponse(generate_latest(registry(GaugeCollector())), content_type=CONTENT_TYPE_LATEST)


class SchemaView(SpectacularAPIView):
    """The OpenAPI document in YAML, or in JSON when asked by `?format=json` or an Accept header."""

    throttle_classes = []
    content_negotiation_class = DefaultContentNegotiation


@extend_schema(exclude=True)
class SwaggerView(SpectacularSwaggerSplitView):
    """Its script comes from a URL of its own: the policy of our pages runs none that stands in them."""

    throttle_classes = []


@extend_schema(exclude=True)
class RedocView(SpectacularRedocView):
    throttle_classes = []
