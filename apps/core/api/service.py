"""Health, metrics, the OpenAPI document and its pages."""

import secrets
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.cache import patch_vary_headers
from django.views.decorators.http import require_safe
from drf_spectacular.utils import extend_schema
from drf_spectacular.views import SpectacularRedocView, SpectacularSwaggerSplitView
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.core.api import problems
from apps.core.api.schema import documented, example
from apps.core.api.views import BaseViewSet
from apps.core.errors import NotFound
from apps.core.ops import health
from apps.core.ops.metrics import GaugeCollector, registry


@example({"checks": {"database": "up", "cache": "up", "storage": "up"}, "reasons": {}})
class HealthSerializer(serializers.Serializer[Any]):
    status = serializers.ChoiceField(choices=["ok", "degraded", "unavailable"])
    checks = serializers.DictField(child=serializers.ChoiceField(choices=["up", "down", "unknown"]))
    reasons = serializers.DictField(
        child=serializers.CharField(), help_text="Why a dependency is not up, by the names in `checks`."
    )


@extend_schema(tags=["Service"])
class HealthViewSet(BaseViewSet):
    """For load balancers: neither authenticated nor limited."""

    authentication_classes = []
    permission_classes = [AllowAny]
    throttle_classes = []

    @documented(
        operation_id="getLiveness", summary="Check that the process is alive", responses={200: HealthSerializer}
    )
    @action(detail=False)
    def live(self, request: Request) -> Response:
        return Response({"status": "ok", "checks": {}, "reasons": {}})

    @documented(
        operation_id="getReadiness",
        summary="Check the dependencies",
        responses={200: HealthSerializer, 503: HealthSerializer},
    )
    @action(detail=False)
    def ready(self, request: Request) -> Response:
        status, results = health.report()
        body = {
            "status": status,
            "checks": {name: result.state for name, result in results.items()},
            "reasons": {name: result.reason for name, result in results.items() if result.reason},
        }
        return Response(body, status=503 if status == "unavailable" else 200)


@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """The metrics in the text format of Prometheus. With METRICS_TOKEN set, they need that token."""
    expected = f"Bearer {settings.METRICS_TOKEN}"
    if settings.METRICS_TOKEN and not secrets.compare_digest(
        request.headers.get("Authorization", "").encode(), expected.encode()
    ):
        return problems.problem_response(NotFound(), request)
    return HttpResponse(generate_latest(registry(GaugeCollector())), content_type=CONTENT_TYPE_LATEST)


class SchemaView(APIView):
    """The OpenAPI document that `make schema` has written: YAML, or JSON by `?format=json` or the Accept header."""

    schema = None
    authentication_classes = []
    permission_classes = [AllowAny]
    YAML, JSON = "application/vnd.oai.openapi", "application/vnd.oai.openapi+json"

    def get(self, request: Request) -> HttpResponse:
        accepted = request.get_preferred_type([self.YAML, "application/yaml", self.JSON, "application/json"]) or ""
        is_json = request.query_params.get("format", "json" if accepted.endswith("json") else "") == "json"
        name = "openapi.json" if is_json else "openapi.yaml"
        response = HttpResponse(
            (settings.BASE_DIR / "static" / name).read_bytes(),
            content_type=self.JSON if is_json else self.YAML,
            headers={"Content-Disposition": f'inline; filename="{name}"', "Cache-Control": "public, max-age=300"},
        )
        patch_vary_headers(response, ["Accept"])
        return response


class DocumentationView(APIView):
    """The base of the pages for people. They read the document as JSON, which browsers parse faster."""

    throttle_classes = []
    url: str | None = "/v1/schema?format=json"


class SwaggerView(DocumentationView, SpectacularSwaggerSplitView):
    """Swagger UI with its script at a URL of its own, since the Content-Security-Policy allows no inline script."""

    schema = None
    template_name = "api/swagger_ui.html"


class RedocView(DocumentationView, SpectacularRedocView):
    schema = None
    template_name = "api/redoc.html"
