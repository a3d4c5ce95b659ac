"""Every route. URLs do not follow apps: each app's edge names its own paths under /v1."""

from importlib import import_module

from django.contrib import admin
from django.urls import include, path

from apps.core.api.routes import GroupedRoutes

handler400 = "apps.core.api.problems.bad_request"
handler403 = "apps.core.api.problems.forbidden"
handler404 = "apps.core.api.problems.not_found"
handler500 = "apps.core.api.problems.internal_error"

# From the top of the stack down, so that a literal path (users/suggestions) comes before a pattern (users/{user}).
CONTEXTS = [
    "feed",
    "engagement",
    "content",
    "notifications",
    "social",
    "accounts",
    "media",
    "search",
    "moderation",
    "core",
]
api = [route for context in CONTEXTS for route in import_module(f"apps.{context}.api.urls").urlpatterns]

urlpatterns = [
    GroupedRoutes("v1/", api),
    path("", include("apps.core.api.service_urls")),
    path("admin/", include("apps.accounts.api.console_urls")),
    path("admin/", admin.site.urls),
]
