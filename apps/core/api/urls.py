from django.urls import path

from apps.core.api.service import RedocView, SchemaView, SwaggerView

urlpatterns = [
    path("schema", SchemaView.as_view(), name="schema"),
    path("docs", SwaggerView.as_view(), name="docs"),
    path("redoc", RedocView.as_view(), name="redoc"),
]
