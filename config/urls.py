"""Every route. URLs do not follow apps: each app's edge names its own paths under /api/v1."""

from django.contrib import admin
from django.urls import include, path

handler400 = "apps.core.api.problems.bad_request"
handler403 = "apps.core.api.problems.forbidden"
handler404 = "apps.core.api.problems.not_found"
handler500 = "apps.core.api.problems.internal_error"

api = [
    path("", include(f"apps.{app}.api.urls"))
    for app in (
        "core",
        "media",
        "accounts",
        "social",
        "content",
        "engagement",
        "feed",
        "search",
        "moderation",
        "notifications",
    )
]

urlpatterns = [
    path("api/v1/", include(api)),
    path("", include("apps.core.api.service_urls")),
    path("admin/", admin.site.urls),
]
